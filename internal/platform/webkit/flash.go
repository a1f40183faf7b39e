package webkit

import (
	"net/http"
	"net/url"
	"strings"
)

// Flash is one sentence for the next page that is shown.
type Flash struct {
	State State
	Text  string
}

const maxFlash = 300 // runes

// SetFlash leaves f for the next page.
func SetFlash(w http.ResponseWriter, f Flash) {
	text := []rune(f.Text)
	if len(text) > maxFlash {
		text = append(text[:maxFlash], '…')
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieFlash, Value: string(f.State) + "." + url.QueryEscape(string(text)), Path: "/", MaxAge: 60,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// takeFlash reads the sentence and clears it.
func takeFlash(w http.ResponseWriter, r *http.Request) Flash {
	state, text, ok := strings.Cut(cookie(r, cookieFlash), ".")
	if !ok {
		return Flash{}
	}
	http.SetCookie(w, &http.Cookie{Name: cookieFlash, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return Flash{}
	}
	return Flash{State: State(state), Text: plain}
}
