package webkit

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Head is the top of a page: what is wrong now, in words.
type Head struct {
	State    State  // the shape before the sentence; "" draws none
	Title    string // small, above: what this page is about
	Sentence string // the one glance: "checkout burns 14.2× — budget gone in 2 d 1 h"
	Detail   string // one more line, quieter
	Evidence string // where the facts behind the sentence are
	Actions  templ.Component
}

// Pair is one line of a list of facts.
type Pair struct {
	Key        string
	Value      string
	Body       templ.Component // instead of Value
	Href       string
	Definition string // what Key means
}

// Tab is one of several views of a page; its state is in the URL.
type Tab struct {
	Text    string
	Href    string
	Count   string // "" for none
	Current bool
}

// Lesson fills an empty page: what would be here, and how to put it there.
type Lesson struct {
	Title   string
	Text    string
	File    string // where the YAML goes
	YAML    string
	Command string // what checks it
}

// Lazy is a part of a page that another room draws.
type Lazy struct {
	Title string
	URL   string
}

// uid is an HTML id that stays the same while its text does.
func uid(prefix string, parts ...string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(parts, "\x00"))) // a hash never fails
	return prefix + "-" + strconv.FormatUint(uint64(h.Sum32()), 36)
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func href(u string) templ.SafeURL { return templ.URL(u) }
