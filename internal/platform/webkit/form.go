package webkit

import (
	"strconv"

	"github.com/a-h/templ"
)

// Input is one field of a form.
type Input struct {
	Name        string
	Label       string
	Value       string
	Type        string // "text" (also ""), "email", "number", "datetime-local", "password", "search", "textarea", "select", "checkbox"
	Help        string
	Error       string // what is wrong and how to put it right
	Placeholder string
	Required    bool
	Autofocus   bool
	Rows        int      // of a textarea; 0 is 4
	Choices     []Choice // of a select
	Complete    string   // the autocomplete attribute
}

// Choice is one entry of a select.
type Choice struct{ Value, Text string }

// ButtonKind is how loud a button is.
type ButtonKind string

// The kinds of button. One Primary to a page.
const (
	Plain   ButtonKind = ""
	Primary ButtonKind = "primary"
	Danger  ButtonKind = "danger"
	Quiet   ButtonKind = "quiet"
)

// Button is a button that sends the form around it.
type Button struct {
	Text  string
	Kind  ButtonKind
	Icon  string
	Key   string // the key that presses it, "a"
	Name  string // sent with Value when this button was pressed
	Value string
}

// Action is a button with a form of its own: one press, one POST.
type Action struct {
	Button Button
	To     string
	Fields [][2]string // hidden, name and value
	Ask    string      // if not "", the question that is asked first
	Sure   string      // the word on the second button; "" is Button.Text
}

func (b Button) class() string {
	if b.Kind == Plain {
		return "button"
	}
	return "button button-" + string(b.Kind)
}

func (i Input) id() string { return "f-" + i.Name }

func (i Input) describedBy() string {
	switch {
	case i.Error != "":
		return i.id() + "-error"
	case i.Help != "":
		return i.id() + "-help"
	}
	return ""
}

func (i Input) inputType() string {
	if i.Type == "" {
		return "text"
	}
	return i.Type
}

func (i Input) rows() string {
	if i.Rows == 0 {
		return "4"
	}
	return itoa(i.Rows)
}

func (a Action) sure() string {
	if a.Sure != "" {
		return a.Sure
	}
	return a.Button.Text
}

// attributes are those that every kind of input shares.
func (i Input) attributes() templ.Attributes {
	a := templ.Attributes{"id": i.id(), "name": i.Name, "required": i.Required, "autofocus": i.Autofocus}
	if d := i.describedBy(); d != "" {
		a["aria-describedby"] = d
	}
	if i.Error != "" {
		a["aria-invalid"] = "true"
	}
	if i.Placeholder != "" {
		a["placeholder"] = i.Placeholder
	}
	if i.Complete != "" {
		a["autocomplete"] = i.Complete
	}
	return a
}

func itoa(n int) string { return strconv.Itoa(n) }
