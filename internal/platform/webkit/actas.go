package webkit

import (
	"net/http"
	"strings"
)

const (
	cookieAs = "hinoban_as"
	fieldAs  = "as"
)

// ActAs offers, where nobody is signed in, the people as whom to act. With no
// Choices it draws nothing.
type ActAs struct {
	Choices []Choice
	Value   string
}

// AskedAs is the person as whom r wants to act: the form's or the address's
// "as", else the one chosen last. It is "" for nobody, and counts only where
// nobody is signed in: auth.Actor decides.
func AskedAs(r *http.Request) string {
	as := r.FormValue(fieldAs)
	if as == "" {
		as = cookie(r, cookieAs)
	}
	if len(as) > 64 || strings.ContainsAny(as, "/ \t\r\n;") {
		return ""
	}
	return as
}

// KeepAs remembers the person that a form chose.
func KeepAs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue(fieldAs) != "" {
			http.SetCookie(w, &http.Cookie{
				Name: cookieAs, Value: AskedAs(r), Path: "/", MaxAge: 400 * 24 * 3600,
				HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
			})
		}
		next.ServeHTTP(w, r)
	})
}
