package notifytest

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Calling is Sample with what its receiver can do.
func Calling(id string) notify.Message {
	m := Sample(id)
	m.Actions = []notify.Action{
		{ID: notify.Ack, Text: "対応する", URL: "https://hinoban.example.com/p/ack?t=a.b-c_1&x=2", Token: "t1.0197a00000007000800000000000001.ack.abcdefghijklmnop_-4.x"},
		{ID: notify.Decline, Text: "できない <b>&", URL: "https://hinoban.example.com/p/decline?t=a.b-c_2", Token: "t1.decline"},
		{ID: "odd", Text: "odd", URL: "https://hinoban.example.com/p/odd"},
		{ID: notify.Ack, Text: "bad", URL: "javascript:alert(1)", Token: "no token\r\n"},
	}
	return m
}

// showsActions: each action is a button that comes back, or a link before others.
func showsActions(t *testing.T, h Harness) {
	if h.Channel.Name() == "inbox" { // whose page has its own
		t.Skip()
	}
	m := Calling("calling")
	if _, err := h.Channel.Send(t.Context(), h.Address, m); err != nil {
		t.Fatal(err)
	}
	d := one(t, h)
	sound(t, h)
	if h.Tap != nil {
		if len(d.Buttons) != 2 || d.Buttons[0].Text != m.Actions[0].Text {
			t.Errorf("got buttons %+v, want 2, first %s", d.Buttons, m.Actions[0].Text)
		}
		return
	}
	want := []string{m.Actions[0].URL, m.Actions[1].URL}
	if h.NoBody {
		want = want[:1]
	}
	if !h.NoLinks && (len(d.Links) < len(want) || !slices.Equal(d.Links[:len(want)], want)) {
		t.Errorf("got links %q, want first %q", d.Links, want)
	}
	for _, bad := range []string{m.Actions[2].URL, m.Actions[3].URL} {
		if slices.Contains(d.Links, bad) {
			t.Errorf("got link %s, which is of no action", bad)
		}
	}
}

// open mounts what h's channel hears with, until t ends.
func (h Harness) open(t *testing.T) *Back {
	t.Helper()
	b := &Back{}
	if c, ok := h.Channel.(notify.Hooked); ok && h.Front != nil {
		h.Front.Mount(c.Hooks(b))
	}
	if c, ok := h.Channel.(notify.Listener); ok {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Listen(ctx, b) }()
		t.Cleanup(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Listen: %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("still listening 5 s after the end")
			}
		})
	}
	return b
}

func hearsTaps(t *testing.T, h Harness) {
	if h.Tap == nil {
		t.Skip("nothing comes back")
	}
	b := h.open(t)
	m := Calling("tapped")
	if _, err := h.Channel.Send(t.Context(), h.Address, m); err != nil {
		t.Fatal(err)
	}
	d := one(t, h)
	for i, button := range d.Buttons {
		h.Tap(t, button)
		h.Tap(t, button) // as often as it comes
		got := b.Answers(t, 2*(i+1))
		want := notify.Answer{Channel: h.Channel.Name(), Action: m.Actions[i].ID, Token: m.Actions[i].Token, Address: h.Who}
		for _, a := range got[2*i:] {
			if a != want {
				t.Errorf("heard %+v, want %+v", a, want)
			}
		}
	}
}

func hearsWords(t *testing.T, h Harness) {
	if h.Speak == nil {
		t.Skip("nobody answers in words")
	}
	b := h.open(t)
	n := 0
	for _, text := range []string{"4", "ack", " ACK, on it", "了解です", "6", "no", "hello", "forty", ""} {
		want := h.Speak(t, text)
		if want.Action == "" {
			continue
		}
		n++
		if got := b.Answers(t, n); got[n-1] != want {
			t.Errorf("%q: heard %+v, want %+v", text, got[n-1], want)
		}
	}
	if got := b.Answers(t, n); len(got) != n {
		t.Errorf("heard %d answers, want %d: %+v", len(got), n, got)
	}
}

// refusesForeigners: whoever is not the provider gets 401 or 403, and is not heard.
func refusesForeigners(t *testing.T, h Harness) {
	if h.Forge == nil {
		t.Skip("nobody can call")
	}
	b := h.open(t)
	button := Button{}
	if h.Tap != nil {
		if _, err := h.Channel.Send(t.Context(), h.Address, Calling("forged")); err != nil {
			t.Fatal(err)
		}
		button = one(t, h).Buttons[0]
	}
	for i, req := range h.Forge(h.Front.URL, button) {
		status, body := exchange(t, req)
		if status != http.StatusUnauthorized && status != http.StatusForbidden || body != "" {
			t.Errorf("request %d to %s: got %d %q, want 401 or 403 and nothing said", i, req.URL.Path, status, body)
		}
	}
	if got := b.Answers(t, 0); len(got) > 0 {
		t.Errorf("heard %+v from somebody else", got)
	}
	if got := b.Reports(t, 0); len(got) > 0 {
		t.Errorf("heard %+v from somebody else", got)
	}
}

// hearsReports, in any order and twice.
func hearsReports(t *testing.T, h Harness) {
	if h.Report == nil {
		t.Skip("nothing is reported")
	}
	b := h.open(t)
	r, err := h.Channel.Send(t.Context(), h.Address, Sample("reported"))
	if err != nil {
		t.Fatal(err)
	}
	states := []notify.ReportState{notify.Delivered, notify.Accepted, notify.Delivered, notify.Undelivered}
	for i, s := range states {
		h.Report(t, r.ProviderID, s)
		got := b.Reports(t, i+1)[i]
		if got.State != s || got.ProviderID != r.ProviderID || got.Channel != h.Channel.Name() {
			t.Errorf("heard %+v, want %s of %s", got, s, r.ProviderID)
		}
	}
}

// finds: after a crash the provider is asked what it has.
func finds(t *testing.T, h Harness) {
	f, ok := h.Channel.(notify.Finder)
	if !ok {
		t.Skip("nobody to ask")
	}
	r, ok, err := f.Find(t.Context(), h.Address, Sample("never"))
	if errs.KindOf(err) == errs.Invalid {
		t.Skip("this address cannot be asked")
	}
	if ok || err != nil {
		t.Fatalf("before: found %+v, %t, %v", r, ok, err)
	}
	h.can(t, ResetAfterBody)
	if _, err := h.Channel.Send(t.Context(), h.Address, Sample("other")); err != nil {
		t.Fatal(err)
	}
	h.Server.Next(ResetAfterBody)
	if _, err := h.Channel.Send(t.Context(), h.Address, Sample("doubt")); errs.KindOf(err) != errs.Unavailable {
		t.Fatalf("got %v, want an Unavailable error", err)
	}
	r, ok, err = f.Find(t.Context(), h.Address, Sample("doubt"))
	if !ok || err != nil || r.ProviderID == "" {
		t.Errorf("after: got %+v, %t, %v, want it found", r, ok, err)
	}
	if r, ok, err := f.Find(t.Context(), h.Address, Sample("doubts")); ok || err != nil {
		t.Errorf("another: found %+v, %t, %v", r, ok, err)
	}
}
