package webkit

import "context"

// State is how something is. It is told by colour, shape and word together.
type State string

// The states. The zero value is Unknown's shape without a word of alarm.
const (
	OK      State = "ok"      // ●
	Warning State = "warning" // ▲
	Firing  State = "firing"  // ■
	Unknown State = "unknown" // ◆ no data, or never checked
	Muted   State = "muted"   // ○ switched off, silenced, over
)

func (s State) orUnknown() State {
	switch s {
	case OK, Warning, Firing, Unknown, Muted:
		return s
	}
	return Unknown
}

// word is the state in the viewer's language.
func (s State) word(ctx context.Context) string { return T(ctx, "webkit.state."+string(s.orUnknown())) }

func (s State) class(base string) string { return base + " is-" + string(s.orUnknown()) }
