package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// MaxMembers is how many signals one delivery may make.
const MaxMembers = 10_000

// MaxBody is what a delivery may have, in bytes; decompressed too.
const MaxBody = 10 << 20

const (
	maxDepth  = 64
	maxValues = 250_000
)

// Delivery is one request as it came.
type Delivery struct {
	Body   []byte
	Header func(name string) string // nil: none
	At     time.Time
	Ask    Ask // of protocols whose address says what is asked; zero: the body does
}

func (d Delivery) header(name string) string {
	if d.Header == nil {
		return ""
	}
	return d.Header(name)
}

// Refusal is what was not taken of a delivery.
type Refusal struct {
	Path   string `json:"path,omitempty"` // where in the payload: alerts[3].labels
	Reason string `json:"reason"`
}

// Batch is what a delivery says.
type Batch struct {
	Signals []alert.Signal
	Paths   []string // of each signal: where in the payload it was read
	Acks    []string // keys of matters that somebody has taken at the sender
	Acts    []Act    // what else is to be done with alerts that are there
	Refused []Refusal
	Notes   []string         // what else is to know: "3 alerts not shown by the sender"
	Series  []metrics.Series // of a stream of metrics
	Points  int              // in Series
	Once    string           // names the delivery, where the sender repeats it under a name
	Confirm string           // an address that has to be fetched to complete a subscription
	Verify  *Signature       // to be checked before anything is believed
	Key     string           // PagerDuty's dedup_key
}

func (b *Batch) add(path string, s alert.Signal) {
	b.Signals, b.Paths = append(b.Signals, tidy(s)), append(b.Paths, path)
}

func (b *Batch) note(format string, args ...any) {
	b.Notes = append(b.Notes, clean(fmt.Sprintf(format, args...)))
}

func (b *Batch) refuse(path string, reason string) {
	if len(b.Refused) < 1000 {
		b.Refused = append(b.Refused, Refusal{Path: path, Reason: clip(clean(reason), 500)})
	}
}

// refuseError refuses a member for an error that may begin with its place.
func (b *Batch) refuseError(path string, err error) {
	text := err.Error()
	if strings.HasPrefix(text, path) {
		if at, reason, ok := strings.Cut(text, ": "); ok {
			path, text = at, reason
		}
	}
	b.refuse(path, text)
}

// Parse reads a delivery for src, whose sender signs with secret. An error, of
// kind Invalid or Denied, means that nothing of it is taken.
func Parse(ctx context.Context, src Source, secret string, d Delivery) (Batch, error) {
	switch src.Kind {
	case Alertmanager, IncidentIO:
		return parseAlertmanager(src, d)
	case Grafana:
		return parseGrafana(src, d)
	case PagerDuty:
		return parsePagerDuty(src, d)
	case Opsgenie:
		return parseOpsgenie(src, d)
	case Datadog:
		return parseDatadog(src, d)
	case CloudWatchSNS:
		return parseSNS(src, d)
	case CloudWatchStream:
		return parseStream(d)
	case Sentry:
		return parseSentry(src, secret, d)
	case Mackerel:
		return parseMackerel(src, d)
	case Generic:
		return parseGeneric(ctx, src, d)
	case Heartbeat:
		return Batch{}, nil
	}
	return Batch{}, errs.New(errs.Invalid, "kind %q is not known", src.Kind)
}

// weigh refuses JSON that is deeper or has more values than a payload of alerts
// ever has, before it is decoded: what decoding costs is bounded then.
func weigh(body []byte, most int) error {
	depth, values, quoted, escaped := 0, 1, false, false
	for at, c := range body {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
		if depth > maxDepth {
			return errs.New(errs.Invalid, "%s: nested deeper than %d", place(body, at), maxDepth)
		}
	}
	if values > most {
		return errs.New(errs.Invalid, "the payload has more than %d values: send less at once", most)
	}
	return nil
}

// place names an offset as people count: line 3, column 14.
func place(body []byte, at int) string {
	before := body[:min(at, len(body))]
	line := bytes.Count(before, []byte("\n"))
	return fmt.Sprintf("line %d, column %d", line+1, len(before)-(bytes.LastIndexByte(before, '\n')+1)+1)
}

// decode reads a whole JSON payload into v.
func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errs.New(errs.Invalid, "the body is empty: JSON is expected")
	}
	if err := weigh(body, maxValues); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return errs.New(errs.Invalid, "%s", told(body, "", err))
	}
	return nil
}

// member reads one member of a batch into v, and names its place in errors.
func member(raw json.RawMessage, path string, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return errs.New(errs.Invalid, "%s", told(raw, path, err))
	}
	return nil
}

// told says what is wrong with JSON, and where.
func told(body []byte, path string, err error) string {
	if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("not JSON at %s: %s", place(body, int(bad.Offset)-1), strings.TrimPrefix(bad.Error(), "json: "))
	}
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := strings.Trim(path+"."+bad.Field, ".")
		if at == "" {
			at = "the payload"
		}
		return fmt.Sprintf("%s: %s where %s is expected", at, bad.Value, wanted(bad.Type.Kind().String()))
	}
	return strings.Trim(path+": "+err.Error(), ": ")
}

func wanted(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice":
		return "an array"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	}
	return "a number"
}

// clean is s as every database takes it: UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// clip cuts s to at most n bytes at the end of a rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func cleanMap(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		if v != "" {
			out[clean(k)] = clean(v)
		}
	}
	return out
}

// tidy brings a signal to what the inbox takes where that loses nothing that
// matters: texts are cut, addresses that are none are dropped.
func tidy(s alert.Signal) alert.Signal {
	s.Service, s.Rule, s.Key = clean(s.Service), clean(s.Rule), clean(s.Key)
	s.Summary, s.Expr = clip(clean(strings.TrimSpace(s.Summary)), 4096), clip(clean(s.Expr), 8192)
	if len(s.Key) > 128 {
		s.Key = signalID(s.Key)
	}
	if !webAddress(s.URL) {
		s.URL = ""
	}
	s.Labels, s.Annotations = cleanMap(s.Labels), cleanMap(s.Annotations)
	if s.Rule == "" {
		s.Rule = "unnamed"
	}
	s.At = s.At.UTC()
	for i, e := range s.Evidence {
		s.Evidence[i] = alert.Evidence{Name: clip(clean(e.Name), 200), Value: clip(clean(e.Value), 500), Limit: clip(clean(e.Limit), 200), Detail: clip(clean(e.Detail), 500)}
	}
	return s
}

func webAddress(u string) bool {
	return len(u) <= 2048 && clean(u) == u && (strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "/sources/"))
}

// signalID names a signal by what it says: the same parts, the same name.
func signalID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte(":" + p))
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// memberID names what src said in raw.
func memberID(src Source, raw []byte, more ...string) string {
	return signalID(append([]string{src.Name, string(raw)}, more...)...)
}

// serviceOf finds the service in labels, or is the source's own.
func serviceOf(src Source, labels map[string]string) string {
	for _, k := range []string{"service", "app", "job", "namespace"} {
		if v := labels[k]; v != "" {
			return clip(clean(v), 200)
		}
	}
	return src.Service
}

// severityOf reads the words that senders use for how urgent something is.
// Nothing, and what is no such word, is unsaid.
func severityOf(word string, unsaid alert.Severity) alert.Severity {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "":
		return unsaid
	case "fatal", "emergency", "p1":
		return alert.Page
	case "warn", "high", "p2", "p3":
		return alert.Ticket
	}
	return alert.SeverityOf(strings.TrimSpace(word))
}

// first is the first of texts that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// at is t, or now where t is missing or ahead of this server's clock.
func at(t, now time.Time) time.Time {
	if t.IsZero() || t.After(now) || t.Year() < 1971 {
		return now.UTC()
	}
	return t.UTC()
}
