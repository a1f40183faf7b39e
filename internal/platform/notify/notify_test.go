package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

func TestLineIsOneCleanLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		n    int
		want string
	}{
		{"api is down", 20, "api is down"},
		{"a\r\nBcc: x@y", 20, "a Bcc: x@y"},
		{"  two\t words\u2028here ", 20, "two words here"},
		{"被害: 決済が止まっています", 6, "被害: 決…"},
		{"evil\u202Egnp.exe", 20, "evilgnp.exe"},
		{"bad\xffbyte", 20, "bad\uFFFDbyte"},
		{"abc", 3, "abc"},
		{"abcd", 1, "…"},
		{"abcd", 0, ""},
	}
	for _, tt := range tests {
		if got := notify.Line(tt.in, tt.n); got != tt.want {
			t.Errorf("Line(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestLinesKeepsLines(t *testing.T) {
	t.Parallel()
	if got, want := notify.Lines("a\r\nb\rc\x00\td\n", 20), "a\nb\nc \td"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSafeLinksDropsScripts(t *testing.T) {
	t.Parallel()
	m := notify.Message{Links: []notify.Link{
		{Text: "ack\nnow", URL: "https://h/ack?a=1"},
		{Text: "x", URL: "javascript:alert(1)"},
		{URL: "http://h/p"},
		{Text: "y", URL: "https:///nohost"},
	}}
	want := []notify.Link{{Text: "ack now", URL: "https://h/ack?a=1"}, {Text: "h/p", URL: "http://h/p"}}
	if diff := cmp.Diff(want, m.SafeLinks()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := notify.Message{ID: "a-B_9", Kind: notify.Page, Title: "t"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*notify.Message){
		func(m *notify.Message) { m.ID = "" },
		func(m *notify.Message) { m.ID = "a\nb" },
		func(m *notify.Message) { m.ID = strings.Repeat("a", 129) },
		func(m *notify.Message) { m.Kind = "shout" },
		func(m *notify.Message) { m.Title = "" },
	} {
		m := good
		change(&m)
		if err := m.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", m, err)
		}
	}
}

func ExampleRetryAfter() {
	err := errs.New(errs.Unavailable, "slack is busy: %w", &notify.WaitError{After: 30 * time.Second})
	fmt.Println(!errs.Permanent(err), notify.RetryAfter(err))
	// Output: true 30s
}

func FuzzLine(f *testing.F) {
	f.Add("a\r\nb", 3)
	f.Add("\u202E決済", 1)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n %= 5000
		for name, got := range map[string]string{"Line": notify.Line(s, n), "Lines": notify.Lines(s, n)} {
			if c := utf8.RuneCountInString(got); c > max(n, 0) {
				t.Errorf("%s(%q, %d) has %d runes", name, s, n, c)
			}
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\x00") {
				t.Errorf("%s(%q, %d) = %q is not clean", name, s, n, got)
			}
		}
		if got := notify.Line(s, n); strings.Contains(got, "\n") {
			t.Errorf("Line(%q, %d) = %q has two lines", s, n, got)
		}
	})
}
