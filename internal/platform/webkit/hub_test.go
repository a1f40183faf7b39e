package webkit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// listen collects what one subscriber is sent.
func listen(ctx context.Context, t *testing.T, h *Hub, topics ...string) <-chan string {
	t.Helper()
	s, ok := h.join(topics)
	if !ok {
		t.Fatal("the hub refused a listener")
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer h.leave(s)
		h.stream(ctx, s, func(m string) error { out <- m; return nil })
	}()
	return out
}

func drain(c <-chan string) (out []string) {
	for {
		select {
		case m, ok := <-c:
			if !ok {
				return out
			}
			out = append(out, m)
		default:
			return out
		}
	}
}

func TestHubGathersChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(HubOptions{})
		defer h.Close()
		c := listen(t.Context(), t, h, "alert", "incident/123")
		synctest.Wait()
		h.Publish("alert/7")
		h.Publish("slo", "alert/8")
		h.Publish("incident")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := drain(c); !slices.Equal(got, []string{"retry: 2000\n\n"}) {
			t.Errorf("after 200 ms got %q, want silence", got)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		want := []string{"event: changed\ndata: [\"alert\",\"incident/123\"]\n\n"}
		if got := drain(c); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		h.Publish("slo", "incident/124")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if got := drain(c); !slices.Equal(got, []string{": beat\n\n"}) {
			t.Errorf("got %q, want one heartbeat and nothing of other topics", got)
		}
	})
}

func TestHubEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(HubOptions{MaxSubscribers: 2})
		ctx, leave := context.WithCancel(t.Context())
		a, b := listen(ctx, t, h, "x"), listen(t.Context(), t, h, "x")
		if _, ok := h.join([]string{"x"}); ok {
			t.Error("a third listener was let in, want 2 at most")
		}
		leave()
		synctest.Wait()
		if n := h.Subscribers(); n != 1 {
			t.Errorf("%d listeners after one has left, want 1", n)
		}
		h.Close()
		h.Close()
		synctest.Wait()
		drain(a)
		drain(b)
		if n := h.Subscribers(); n != 0 {
			t.Errorf("%d listeners after Close, want 0", n)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/live?topic=x", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("a closed hub answers %d, want 503", w.Code)
		}
	})
}
