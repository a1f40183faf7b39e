package webkit

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a browser has chosen counts before what is known of its reader.
func TestForIsSecondToWhatWasChosen(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	got := For(r, "ja", "Asia/Tokyo")
	if got.Header.Get("Accept-Language") != "ja" || cookie(got, cookieZone) != "Asia%2FTokyo" {
		t.Errorf("got %v", got.Header)
	}
	if len(r.Header) > 0 {
		t.Errorf("the request itself was changed: %v", r.Header)
	}
	got.Header.Set("Cookie", cookieZone+"=Europe%2FBerlin")
	if again := For(got, "", "Asia/Tokyo"); cookie(again, cookieZone) != "Europe%2FBerlin" || again.Header.Get("Accept-Language") != "ja" {
		t.Errorf("got %v", again.Header)
	}
}
