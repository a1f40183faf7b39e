package httpsend

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

const maxHook = 64 << 10

// NotTaken is what somebody is told whose answer did not count, where we do not
// know their language.
const NotTaken = "This did not work. Open the page. / 受け付けられませんでした。ページを開いてください。"

// Body reads what a provider posted, at most 64 KiB. Where that fails it has
// answered, and ok is false.
func Body(rw http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxHook))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// Refuse answers a caller who is not the provider, and tells nothing.
func Refuse(rw http.ResponseWriter) { rw.WriteHeader(http.StatusForbidden) }

// Fail answers with what err, of a [notify.Back], means: a provider tries again
// after a 5xx and gives up after the others.
func Fail(rw http.ResponseWriter, err error) {
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict:
		rw.WriteHeader(http.StatusBadRequest)
	case errs.NotFound:
		rw.WriteHeader(http.StatusNotFound)
	case errs.Denied, errs.Unauthenticated:
		rw.WriteHeader(http.StatusForbidden)
	case errs.Unavailable, errs.Internal:
		rw.WriteHeader(http.StatusServiceUnavailable)
	}
}

// JSON answers 200 with v.
func JSON(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(v) // a caller that hung up needs no answer
}

// MAC is HMAC-SHA-256.
func MAC(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}
