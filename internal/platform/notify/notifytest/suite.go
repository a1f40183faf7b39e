package notifytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Run holds a channel to the contract of notify.Channel. open returns a fresh
// harness, and uses t's clean-up to close it.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"ChecksAddresses":             checksAddresses,
		"RefusesImpossibleMessages":   refusesImpossible,
		"DeliversWhatWasWritten":      delivers,
		"KeepsTheIdentityOfAMessage":  keepsIdentity,
		"TellsDifferentMessagesApart": tellsApart,
		"TemporaryFaultsAreTemporary": temporaryFaults,
		"PermanentFaultsArePermanent": permanentFaults,
		"ThrottleSaysHowLong":         throttle,
		"LostAnswerIsRecognisable":    lostAnswer,
		"ObeysTheDeadline":            deadline,
		"SendsNothingWhenCancelled":   cancelled,
		"NoSecretInErrors":            noSecrets,
		"TextStaysText":               hostileText,
		"HugeTextIsShortened":         hugeText,
		"ConcurrentSends":             concurrent,
		"ShowsWhatCanBeDone":          showsActions,
		"HearsTaps":                   hearsTaps,
		"HearsWords":                  hearsWords,
		"RefusesForeigners":           refusesForeigners,
		"HearsReports":                hearsReports,
		"FindsWhatWasTaken":           finds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// Sample returns a message like those that people get.
func Sample(id string) notify.Message {
	return notify.Message{
		ID: id, Kind: notify.Page, Title: "決済APIのエラー率が上昇 (payment-api)", Severity: "critical", Lang: "ja",
		Body: "5分間で 4.2% の要求が失敗しています。\nburn rate 14.4 on 99.9% / 30d",
		Links: []notify.Link{
			{Text: "確認する", URL: "https://hinoban.example.com/ack?p=1&t=abc"},
			{Text: "Runbook", URL: "https://example.com/runbook"},
		},
		At: time.Date(2026, 3, 8, 1, 50, 0, 0, time.UTC),
	}
}

func checksAddresses(t *testing.T, h Harness) {
	if err := h.Channel.Check(h.Address); err != nil {
		t.Errorf("Check(%q) = %v, want nil", h.Address, err)
	}
	for _, bad := range append([]string{"", "\n", "a\r\nb"}, h.Bad...) {
		if err := h.Channel.Check(bad); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Check(%q) = %v, want an Invalid error", bad, err)
		}
		if _, err := h.Channel.Send(t.Context(), bad, Sample("m1")); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Send to %q = %v, want an Invalid error", bad, err)
		}
	}
	if got := h.Server.Received(); len(got) > 0 {
		t.Errorf("%d messages went to bad addresses", len(got))
	}
}

func refusesImpossible(t *testing.T, h Harness) {
	for _, m := range []notify.Message{{}, {ID: "a\r\nX: y", Kind: notify.Page, Title: "t"}, {ID: "a", Kind: "odd", Title: "t"}} {
		if _, err := h.Channel.Send(t.Context(), h.Address, m); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Send(%+v) = %v, want an Invalid error", m, err)
		}
	}
}

func delivers(t *testing.T, h Harness) {
	want := Sample("0197a000-0000-7000-8000-000000000001")
	if _, err := h.Channel.Send(t.Context(), h.Address, want); err != nil {
		t.Fatal(err)
	}
	d := one(t, h)
	if !strings.Contains(d.Title, want.Title) {
		t.Errorf("title: got %q, want %q in it", d.Title, want.Title)
	}
	for line := range strings.Lines(want.Body) {
		if !h.NoBody && !strings.Contains(d.Text, strings.TrimSpace(line)) {
			t.Errorf("text: got %q, want %q in it", d.Text, line)
		}
	}
	if !h.NoLinks && (len(d.Links) == 0 || d.Links[0] != want.Links[0].URL) {
		t.Errorf("links: got %q, want first %q", d.Links, want.Links[0].URL)
	}
	asks(t, h)
	for _, kind := range []notify.Kind{notify.Resolved, notify.Test, notify.Info, notify.Canary} {
		m := notify.Message{ID: "k-" + string(kind), Kind: kind, Title: "plain"} // all else is optional
		if _, err := h.Channel.Send(t.Context(), h.Address, m); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	sound(t, h)
}

func asks(t *testing.T, h Harness) {
	t.Helper()
	asking := Sample("asking")
	asking.Ask = notify.Ask{Text: "Was it useful?", Answers: []notify.Link{{Text: "Yes <b>&", URL: "https://hinoban.example.com/judge/a.b?v=actionable&x=1"}, {Text: "No", URL: "https://hinoban.example.com/judge/a.b?v=noise"}, {Text: "bad", URL: "javascript:alert(1)"}}}
	if _, err := h.Channel.Send(t.Context(), h.Address, asking); err != nil {
		t.Fatal(err)
	}
	if h.Channel.Name() != "inbox" && !h.NoBody { // the inbox asks on its page
		got := h.Server.Received()
		links := got[len(got)-1].Links
		for _, l := range asking.Ask.Answers[:2] {
			if !slices.Contains(links, l.URL) {
				t.Errorf("asked: got links %q, want %q", links, l.URL)
			}
		}
		if slices.Contains(links, asking.Ask.Answers[2].URL) {
			t.Errorf("asked: %q leads to no page", links)
		}
	}
}

func keepsIdentity(t *testing.T, h Harness) {
	for range 2 {
		if _, err := h.Channel.Send(t.Context(), h.Address, Sample("same")); err != nil {
			t.Fatal(err)
		}
	}
	got := h.Server.Received()
	if len(got) != 2 || got[0].Key == "" || got[0].Key != got[1].Key {
		t.Errorf("got %d arrivals with keys %q, want 2 with the same", len(got), keys(got))
	}
}

func tellsApart(t *testing.T, h Harness) {
	long := strings.Repeat("x", 127)
	for _, id := range []string{"a", "A", "a-b", "a_b", long + "1", long + "2"} {
		if _, err := h.Channel.Send(t.Context(), h.Address, Sample(id)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, k := range keys(h.Server.Received()) {
		seen[k] = true
	}
	if len(seen) != 6 {
		t.Errorf("6 messages have %d keys: %v", len(seen), seen)
	}
	sound(t, h)
}

func temporaryFaults(t *testing.T, h Harness) {
	for _, f := range h.Faults {
		if f == Refuse || f == Forbid || f == Hang {
			continue
		}
		h.Server.Next(f)
		_, err := h.Channel.Send(t.Context(), h.Address, Sample("again"))
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: got %v, want an Unavailable error", f, err)
		}
		if _, err := h.Channel.Send(t.Context(), h.Address, Sample("again")); err != nil {
			t.Errorf("after %s: got %v, want no error", f, err)
		}
	}
}

func permanentFaults(t *testing.T, h Harness) {
	for _, f := range []Fault{Refuse, Forbid} {
		h.Server.Next(f)
		_, err := h.Channel.Send(t.Context(), h.Address, Sample("never"))
		if !errs.Permanent(err) {
			t.Errorf("%s: got %v of kind %d, want a permanent error", f, err, errs.KindOf(err))
		}
	}
}

func throttle(t *testing.T, h Harness) {
	h.can(t, Throttle)
	h.Server.Next(Throttle)
	_, err := h.Channel.Send(t.Context(), h.Address, Sample("later"))
	if got := notify.RetryAfter(err); got != 7*time.Second {
		t.Errorf("got %v, which says to wait %s, want 7s", err, got)
	}
}

func lostAnswer(t *testing.T, h Harness) {
	h.can(t, ResetAfterBody)
	h.Server.Next(ResetAfterBody)
	if _, err := h.Channel.Send(t.Context(), h.Address, Sample("lost")); errs.KindOf(err) != errs.Unavailable {
		t.Fatalf("got %v, want an Unavailable error", err)
	}
	if _, err := h.Channel.Send(t.Context(), h.Address, Sample("lost")); err != nil {
		t.Fatal(err)
	}
	got := h.Server.Received()
	if len(got) != 2 || got[0].Key != got[1].Key {
		t.Errorf("got %d arrivals with keys %q, want 2 with the same", len(got), keys(got))
	}
}

func deadline(t *testing.T, h Harness) {
	h.can(t, Hang)
	h.Server.Next(Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := h.Channel.Send(ctx, h.Address, Sample("late"))
		done <- err
	}()
	select {
	case err := <-done:
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("got %v, want an Unavailable error", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("still sending 5 s after a deadline of 100 ms")
	}
}

func cancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Channel.Send(ctx, h.Address, Sample("dead")); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want an Unavailable error", err)
	}
	if got := h.Server.Received(); len(got) > 0 {
		t.Errorf("got %d messages, want none", len(got))
	}
}

func noSecrets(t *testing.T, h Harness) {
	for _, f := range h.Faults {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if f != Hang {
			ctx = t.Context()
		}
		h.Server.Next(f)
		_, err := h.Channel.Send(ctx, h.Address, Sample("secret"))
		cancel()
		if err == nil {
			t.Errorf("%s: got no error", f)
			continue
		}
		for _, s := range h.Secrets {
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), s) {
				t.Errorf("%s: the error %q contains the secret %q", f, err, s)
			}
		}
	}
}

func hostileText(t *testing.T, h Harness) {
	m := Sample("hostile")
	m.Title = "down\r\nBcc: thief@example.com\r\nX-Evil: 1\n\n<!channel> <b>&amp;"
	m.Body = "<script>alert(1)</script> <!here> <@U123> <https://evil.example|bank>\n.\nQUIT\n&lt;ok& \u202Etxt.exe"
	m.Severity = "high\nX-Evil: 2"
	m.Links = []notify.Link{
		{Text: "a>b|c<d\n<!everyone>", URL: "https://example.com/?q=<b>|x&y=\"1\""},
		{Text: "bad", URL: "javascript:alert(1)"},
	}
	if _, err := h.Channel.Send(t.Context(), h.Address, m); err != nil {
		t.Fatal(err)
	}
	d := one(t, h)
	if len(d.Injected) > 0 {
		t.Errorf("text took effect: %q", d.Injected)
	}
	if strings.ContainsAny(d.Title, "\r\n") || !strings.Contains(d.Title, "<!channel> <b>&amp;") {
		t.Errorf("title: got %q, want one line that ends in <!channel> <b>&amp;", d.Title)
	}
	if h.NoBody {
		d.Text = m.Body[:len(m.Body)-len("\u202Etxt.exe")]
	}
	for _, want := range []string{"<script>alert(1)</script>", "<!here> <@U123>", "\n.\n", "QUIT", "&lt;ok&"} {
		if !strings.Contains(d.Text, want) {
			t.Errorf("text: got %q, want %q in it", d.Text, want)
		}
	}
	if strings.Contains(d.Text, "\u202E") {
		t.Errorf("text: got %q with a direction override", d.Text)
	}
	for _, l := range d.Links {
		if !strings.HasPrefix(l, "https://example.com/") {
			t.Errorf("link: got %q", l)
		}
	}
	sound(t, h)
}

func hugeText(t *testing.T, h Harness) {
	for i, unit := range []string{"火の番 & <b> 🔥 ", "&", "🔥", "a"} {
		m := Sample(fmt.Sprintf("huge-%d", i))
		m.Title, m.Body = strings.Repeat(unit, 50_000), strings.Repeat(unit, 300_000)
		for range 100 {
			m.Links = append(m.Links, notify.Link{Text: "more", URL: "https://example.com/" + strings.Repeat("x", 500)})
		}
		if _, err := h.Channel.Send(t.Context(), h.Address, m); err != nil {
			t.Fatalf("%q: %v", unit, err)
		}
	}
	for _, d := range h.Server.Received() {
		if n := utf8.RuneCountInString(d.Text); n > h.MaxText+12_000 || n < h.MaxText/6 {
			t.Errorf("%s: %d runes arrived, want about %d at most", d.Key, n, h.MaxText)
		}
		if !utf8.ValidString(d.Title+d.Text) || strings.Contains(d.Title+d.Text, "\uFFFD") {
			t.Errorf("%s: a rune was cut", d.Key)
		}
		if !strings.Contains(d.Title+d.Text, "…") {
			t.Errorf("%s: nothing says that the text was cut", d.Key)
		}
	}
	sound(t, h)
}

func concurrent(t *testing.T, h Harness) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := h.Channel.Send(t.Context(), h.Address, Sample(fmt.Sprintf("c-%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := h.Server.Shown(); len(got) != 16 {
		t.Errorf("got %d messages, want 16", len(got))
	}
}

func one(t *testing.T, h Harness) Delivery {
	t.Helper()
	got := h.Server.Received()
	if len(got) != 1 {
		t.Fatalf("got %d messages, want 1", len(got))
	}
	return got[0]
}

// sound reports what the server found against the protocol.
func sound(t *testing.T, h Harness) {
	t.Helper()
	for _, d := range h.Server.Received() {
		for _, b := range d.Broken {
			t.Errorf("%s: %s", d.Key, b)
		}
	}
}

func keys(ds []Delivery) []string {
	out := make([]string, 0, len(ds))
	for _, d := range ds {
		out = append(out, d.Key)
	}
	return out
}
