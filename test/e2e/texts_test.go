package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/notify/twilio"
)

const (
	pagerURL    = "http://pager.example" // what the provider of texts calls back
	textAccount = "AC0123456789abcdef0123456789abcdef"
	textToken   = "0123456789abcdef"
)

// texts is the part of a [receiver] that sends texts.
type texts struct {
	reach   atomic.Pointer[string] // where the server answers now
	told    atomic.Int64           // reports that the server has taken
	reports sync.WaitGroup
	list    []map[string]string // the texts it has, the oldest first
}

// textsOn has servers that are launched send their texts to r.
func (r *receiver) textsOn(t *testing.T) {
	for name, value := range map[string]string{"SID": textAccount, "TOKEN": textToken, "FROM": "+815012345678", "API": r.URL} {
		t.Setenv("HINOBAN_TWILIO_"+name, value)
	}
}

// textMessage is one text as the server asks for it.
type textMessage struct{ id, to, body, back string }

// textOf reads a text where req asks for one: its id is in the address that is to be
// called back.
func textOf(req *http.Request) (textMessage, bool) {
	if !strings.HasSuffix(req.URL.Path, "/Messages.json") {
		return textMessage{}, false
	}
	body, _ := io.ReadAll(req.Body) // what is cut short has no address
	form, _ := url.ParseQuery(string(body))
	m := textMessage{to: form.Get("To"), body: form.Get("Body"), back: form.Get("StatusCallback")}
	if back, err := url.Parse(m.back); err == nil {
		m.id = back.Query().Get("m")
	}
	return m, true
}

// take keeps a text, and begins to tell what becomes of it.
func (r *receiver) take(w http.ResponseWriter, m textMessage) (answer func()) {
	r.mu.Lock()
	sid := fmt.Sprintf("SM%032x", len(r.texts.list))
	r.texts.list = append(r.texts.list, map[string]string{"sid": sid, "to": m.to, "body": m.body, "status": "sent"})
	states := []string{"queued", "sent", "delivered"}
	r.rnd.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
	for i := range states {
		if r.rnd.IntN(3) == 0 {
			states = append(states, states[i])
		}
	}
	rnd := rand.New(rand.NewPCG(r.rnd.Uint64(), 1))
	r.mu.Unlock()
	r.texts.reports.Go(func() {
		for _, state := range states {
			<-time.After(time.Duration(rnd.IntN(80)) * time.Millisecond)
			for !r.tell(m.back, sid, state) {
				<-time.After(50 * time.Millisecond)
			}
		}
	})
	return func() {
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]string{"sid": sid, "status": "queued"})
	}
}

// tell reports on a text, and whether the server has taken it.
func (r *receiver) tell(back, sid, state string) bool {
	form := url.Values{"MessageSid": {sid}, "MessageStatus": {state}, "AccountSid": {textAccount}}
	req, err := http.NewRequest(http.MethodPost, *r.texts.reach.Load()+strings.TrimPrefix(back, pagerURL), strings.NewReader(form.Encode()))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", twilio.Sign(textToken, back, form))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // killed: it is told again
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		return false
	}
	r.texts.told.Add(1)
	return true
}

// list answers with the texts to a number, the newest first.
func (r *receiver) list(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []map[string]string{}
	for _, m := range slices.Backward(r.texts.list) {
		if m["to"] == req.URL.Query().Get("To") && len(out) < 50 {
			out = append(out, m)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": out})
}

// compare holds what the ledger says against what the provider has.
func (r *receiver) compare(t *testing.T, s *server) {
	t.Helper()
	said := tally(t, s, `SELECT id || ' ' || channel || ' ' || state, attempts FROM oncall_ledger`)
	r.mu.Lock()
	defer r.mu.Unlock()
	seen, wrong := 0, 0
	for row := range said {
		f := strings.Fields(row)
		id, channel, state := f[0], f[1], f[2]
		_, has := r.taken[id]
		if has {
			seen++
		}
		ok := true
		switch state {
		case "sent", "delivered": // every text was said to have arrived
			ok = has && (channel == "sms") == (state == "delivered")
		case "failed", "pending":
			ok = false
		}
		if !ok {
			if wrong++; wrong < 10 {
				t.Errorf("the ledger says %q; the provider has it: %t", row, has)
			}
		}
	}
	if seen != len(r.taken) {
		t.Errorf("the provider took %d messages, of which the ledger knows %d", len(r.taken), seen)
	}
}

// admit makes aoi the admin of a server that people must log in to, and returns a
// token of hers.
func admit(t *testing.T, s *server) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	link, err := exec.Command(path, "admin-link", "--data", s.data, "--base-url", pagerURL).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(strings.TrimSpace(string(link)), "token=")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.PostForm(s.url+"/welcome", url.Values{"token": {secret}, "id": {"aoi"}, "email": {"aoi@shop.example"}, "password": {"nine words that nobody guesses"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	res, err = browser.Post(s.url+"/api/v1/tokens", "application/json", strings.NewReader(`{"name":"load","scopes":["read","write","ingest"],"days":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct {
		Secret string `json:"secret"`
	}
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || made.Secret == "" {
		t.Fatalf("no token: %s (%v)", res.Status, err)
	}
	return made.Secret
}
