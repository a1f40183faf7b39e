package httpc_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
)

func TestRefusesInsideAddresses(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "192.168.0.1:1", "172.16.0.1:1", "100.64.0.1:1", "0.0.0.0:1",
		"169.254.169.254", "[fe80::1]:1", "[fd00::1]:1", "[::ffff:127.0.0.1]:1", "[64:ff9b::7f00:1]:1", "localhost:1",
	} {
		err := get(t, httpc.New(httpc.Options{}), "http://"+host+"/")
		if errs.KindOf(err) != errs.Denied {
			t.Errorf("%s: got %v, want a Denied error", host, err)
		}
	}
}

func TestRefusesMetadataEvenWhenPrivateIsAllowed(t *testing.T) {
	t.Parallel()
	err := get(t, httpc.New(httpc.Options{AllowPrivate: true}), "http://169.254.169.254/")
	if errs.KindOf(err) != errs.Denied {
		t.Errorf("got %v, want a Denied error", err)
	}
}

func TestFollowsOnlyTheSameHostAndMethod(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "stolen") }))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	mux.Handle("POST /same", http.RedirectHandler("/end", http.StatusTemporaryRedirect))
	mux.Handle("POST /found", http.RedirectHandler("/end", http.StatusFound))
	mux.Handle("POST /other", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	mux.Handle("POST /loop", http.RedirectHandler("/loop", http.StatusTemporaryRedirect))
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	c := httpc.New(httpc.Options{AllowPrivate: true})
	for path, want := range map[string]int{"/same": 200, "/found": 302, "/other": 307, "/loop": 307} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader("hi"))
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want || (want == 200) != (string(body) == "hi") {
			t.Errorf("%s: got %d %q, want %d", path, res.StatusCode, body, want)
		}
	}
}

func get(t *testing.T, c *http.Client, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err == nil {
		res.Body.Close()
	}
	return err
}
