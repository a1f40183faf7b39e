package telegram

// Tapped is tapped.
func Tapped(s string) (action, token string, ok bool) { return tapped(s) }
