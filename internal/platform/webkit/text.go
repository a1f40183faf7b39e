package webkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Catalogue is a room's text: a JSON object of key to language to sentence,
// {"alerts.title": {"en": "Alerts", "ja": "アラート"}}. In a sentence {0} stands
// for the first argument and {0|page|pages} for a word that follows its number.
type Catalogue []byte

// The languages. Each key must be in both.
const (
	English  = "en"
	Japanese = "ja"
)

const maxUnknown = 1000 // keys remembered by book.unknown

// book holds all catalogues of a kit.
type book struct {
	text map[string]map[string]string

	mu      sync.Mutex
	unknown map[string]bool
}

func newBook(cats []Catalogue) (*book, error) {
	b := &book{text: map[string]map[string]string{}, unknown: map[string]bool{}}
	for i, c := range cats {
		var m map[string]map[string]string
		if err := json.Unmarshal(c, &m); err != nil {
			return nil, fmt.Errorf("read catalogue %d: %w", i, err)
		}
		for k, v := range m {
			if _, twice := b.text[k]; twice {
				return nil, fmt.Errorf("catalogue %d: key %q is already taken", i, k)
			}
			b.text[k] = v
		}
	}
	if len(b.text) == 0 {
		return nil, errors.New("read catalogues: no text at all")
	}
	return b, nil
}

func (b *book) sentence(lang, key string) (string, bool) {
	if s, ok := b.text[key][lang]; ok && s != "" {
		return s, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unknown) < maxUnknown {
		b.unknown[key] = true
	}
	return "", false
}

// missing lists what is wrong with the text, sorted.
func (b *book) missing() []string {
	var out []string
	for key, by := range b.text {
		for _, lang := range []string{English, Japanese} {
			if by[lang] == "" {
				out = append(out, fmt.Sprintf("%s: no %s", key, lang))
			}
		}
		if len(by) > 2 {
			out = append(out, fmt.Sprintf("%s: a language other than en and ja", key))
		}
		if en, ja := slots(by[English]), slots(by[Japanese]); by[English] != "" && by[Japanese] != "" && !slices.Equal(en, ja) {
			out = append(out, fmt.Sprintf("%s: en uses %v, ja uses %v", key, en, ja))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.unknown {
		if _, known := b.text[key]; !known {
			out = append(out, key+": asked for, in no catalogue")
		}
	}
	slices.Sort(out)
	return out
}

// slots lists the arguments that s uses as values; plural words do not count.
func slots(s string) []int {
	used := map[int]bool{}
	for part := range splitSlots(s) {
		if part.index >= 0 && len(part.words) == 0 {
			used[part.index] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// piece is a stretch of a sentence: plain text (index -1) or a slot.
type piece struct {
	text  string
	index int
	words []string
}

func splitSlots(s string) func(yield func(piece) bool) {
	return func(yield func(piece) bool) {
		for s != "" {
			open := strings.IndexByte(s, '{')
			end := -1
			if open >= 0 {
				end = strings.IndexByte(s[open:], '}')
			}
			if open < 0 || end < 0 {
				yield(piece{text: s, index: -1})
				return
			}
			if open > 0 && !yield(piece{text: s[:open], index: -1}) {
				return
			}
			fields := strings.Split(s[open+1:open+end], "|")
			p := piece{index: -1, text: s[open : open+end+1]}
			if n, err := strconv.Atoi(fields[0]); err == nil {
				p = piece{index: n, words: fields[1:]}
			}
			if !yield(p) {
				return
			}
			s = s[open+end+1:]
		}
	}
}

// T returns the sentence for key in the viewer's language, with args in the
// places of {0}, {1} … Integers get thousands separators; a time.Duration and
// a time.Time are written as [Duration] and [Stamp] write them. An unknown key
// is shown as ⟦key⟧ and reported by [Kit.Missing].
func T(ctx context.Context, key string, args ...any) string {
	v := viewerOf(ctx)
	if v.book == nil {
		return "⟦" + key + "⟧"
	}
	s, ok := v.book.sentence(v.lang, key)
	if !ok {
		return "⟦" + key + "⟧"
	}
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for p := range splitSlots(s) {
		switch {
		case p.index < 0:
			b.WriteString(p.text)
		case p.index >= len(args):
			fmt.Fprintf(&b, "{%d}", p.index)
		case len(p.words) > 0:
			b.WriteString(plural(args[p.index], p.words))
		default:
			b.WriteString(show(ctx, args[p.index]))
		}
	}
	return b.String()
}

func plural(n any, words []string) string {
	if one := fmt.Sprint(n); one == "1" || len(words) == 1 {
		return words[0]
	}
	return words[1]
}

func show(ctx context.Context, v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return Number(ctx, int64(v))
	case int64:
		return Number(ctx, v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Duration:
		return Duration(ctx, v)
	case time.Time:
		return Stamp(ctx, v)
	}
	return fmt.Sprint(v)
}
