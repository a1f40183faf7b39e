package notifytest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Webhook receives webhooks on a loopback port, and checks signatures.
type Webhook struct {
	inbox

	URL    string
	Secret string // "" takes unsigned ones
	stop   chan struct{}
}

// NewWebhook starts a receiver for the length of t.
func NewWebhook(t *testing.T, secret string) *Webhook {
	w := &Webhook{Secret: secret, stop: make(chan struct{})}
	w.URL = serve(t, w.stop, w.serve) + "/hook/with-a-secret-path"
	return w
}

// serve runs handle for the length of t and returns its address.
func serve(t *testing.T, stop chan struct{}, handle http.HandlerFunc) string {
	srv := httptest.NewServer(handle)
	t.Cleanup(func() {
		close(stop)
		srv.Close()
	})
	return srv.URL
}

func (w *Webhook) serve(rw http.ResponseWriter, r *http.Request) {
	f := w.fault()
	if f == ResetAtAccept {
		reset(rw)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch f {
	case Refuse:
		http.Error(rw, "bad", http.StatusBadRequest)
	case Forbid:
		http.Error(rw, r.URL.String()+" "+w.Secret, http.StatusForbidden)
	case Busy:
		http.Error(rw, "busy at "+r.URL.String(), http.StatusBadGateway)
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		http.Error(rw, "slow down", http.StatusTooManyRequests)
	case Hang:
		hang(r, w.stop)
	case ResetAfterBody:
		w.take(r, body)
		reset(rw)
	default:
		w.take(r, body)
		rw.WriteHeader(http.StatusAccepted)
	}
}

func (w *Webhook) take(r *http.Request, body []byte) {
	var p struct {
		ID, Kind, Title, Body string
		Links                 []struct{ URL string }
		Ask                   struct{ Answers []struct{ URL string } }
		Actions               []struct{ URL string }
	}
	d := Delivery{Key: r.Header.Get("Idempotency-Key")}
	if err := json.Unmarshal(body, &p); err != nil {
		d.Broken = append(d.Broken, "body: "+err.Error())
	}
	if p.ID != d.Key {
		d.Broken = append(d.Broken, "id "+p.ID+" is not the key "+d.Key)
	}
	if w.Secret != "" && !w.signed(r.Header.Get("X-Hinoban-Signature"), body) {
		d.Broken = append(d.Broken, "signature is wrong")
	}
	d.Title, d.Text = p.Title, p.Body
	for _, l := range slices.Concat(p.Actions, p.Links, p.Ask.Answers) {
		d.Links = append(d.Links, l.URL)
	}
	w.keep(d, false)
}

func (w *Webhook) signed(header string, body []byte) bool {
	t, v, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(w.Secret))
	mac.Write(bytes.Join([][]byte{[]byte(t), body}, []byte(".")))
	return ok && hmac.Equal([]byte(v), []byte(hex.EncodeToString(mac.Sum(nil))))
}

func hang(r *http.Request, stop chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-stop:
	}
}

// reset closes the connection in such a way that the caller sees an error.
func reset(rw http.ResponseWriter) {
	h, ok := rw.(http.Hijacker)
	if !ok {
		panic("the test server's connections can be hijacked")
	}
	conn, _, err := h.Hijack()
	if err != nil {
		return
	}
	abort(conn)
}

func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what fails here fails as a plain close
	}
	_ = conn.Close() // it is gone either way
}
