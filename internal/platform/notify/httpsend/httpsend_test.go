package httpsend_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

func TestStatusSaysWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 8, 1, 0, 0, 0, time.UTC)
	tests := []struct {
		status int
		after  string
		kind   errs.Kind
		wait   time.Duration
	}{
		{302, "", errs.Invalid, 0},
		{400, "", errs.Invalid, 0},
		{401, "", errs.Denied, 0},
		{403, "", errs.Denied, 0},
		{404, "", errs.NotFound, 0},
		{408, "", errs.Unavailable, 0},
		{410, "", errs.NotFound, 0},
		{429, "30", errs.Unavailable, 30 * time.Second},
		{429, "Sun, 08 Mar 2026 01:01:00 GMT", errs.Unavailable, time.Minute},
		{429, "-5", errs.Unavailable, 0},
		{429, "soon", errs.Unavailable, 0},
		{503, "99999999", errs.Unavailable, time.Hour},
		{500, "", errs.Unavailable, 0},
	}
	for _, tt := range tests {
		a := httpsend.Answer{Status: tt.status, Header: http.Header{"Retry-After": {tt.after}}}
		err := a.Err(now, "")
		if errs.KindOf(err) != tt.kind || notify.RetryAfter(err) != tt.wait {
			t.Errorf("%d %q: got kind %d after %s, want %d after %s", tt.status, tt.after, errs.KindOf(err), notify.RetryAfter(err), tt.kind, tt.wait)
		}
	}
	if err := (httpsend.Answer{Status: 204}).Err(now, ""); err != nil {
		t.Errorf("204: got %v, want no error", err)
	}
}

// An address inside the network says how it is allowed; one that never is does not.
func TestAnAddressInsideSaysWhatAllowsIt(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"http://127.0.0.1:1/": true, "http://10.1.2.3:1/": true, "http://169.254.169.254/": false} {
		_, err := httpsend.Post(t.Context(), httpc.New(httpc.Options{}), address, http.Header{}, nil)
		if errs.KindOf(err) != errs.Denied || strings.Contains(err.Error(), "--allow-private-webhooks") != want {
			t.Errorf("%s: got %v", address, err)
		}
	}
}
