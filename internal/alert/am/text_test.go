package am_test

import (
	"maps"
	"testing"

	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestLabelsAreReadInThreeForms(t *testing.T) {
	want := map[string]string{"alertname": "Full disk", "severity": "page"}
	for _, text := range []string{
		"alertname=Full disk\nseverity=page", "alertname=\"Full disk\"\r\n\r\nseverity=page,", `{"alertname": "Full disk", "severity": "page", "empty": ""}`,
		`{alertname="Full disk", severity="page"}`, "  {alertname=\"Full disk\",severity=\"page\"}\n",
	} {
		got, err := am.ParseLabels(text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"nothing", `{a=~"b"}`, `{"a": 1}`, "\xff=b", "=b"} {
		if got, err := am.ParseLabels(text); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

// What a person reads back is what was read.
func FuzzMatchers(f *testing.F) {
	for _, s := range []string{`a="b"`, `a!~"b|c"` + "\n" + `"with space"=~"é"`, `{a="1",b!="2"}`, `a=b`, "\x00", `a="\n"`, `a="\""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ms, err := am.ParseMatchers(text)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("%q: %v is not Invalid", text, err)
			}
			return
		}
		first := am.OfMatchers(ms)
		again, err := am.ParseMatchers(am.MatcherText(first))
		if err != nil {
			t.Fatalf("%q is written %q, which is not read: %v", text, am.MatcherText(first), err)
		}
		second := am.OfMatchers(again)
		if len(first) != len(second) {
			t.Fatalf("%q: %v, again %v", text, first, second)
		}
		for i := range first {
			if first[i].Name != second[i].Name || first[i].Value != second[i].Value || first[i].Type() != second[i].Type() {
				t.Fatalf("%q: %v, again %v", text, first[i], second[i])
			}
		}
	})
}

func FuzzLabels(f *testing.F) {
	for _, s := range []string{"a=b", `{"a":"b"}`, `{a="b"}`, "a=\"b\"\nc=d", "{", "=", "{}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := am.ParseLabels(text)
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatalf("%q: %v is not Invalid", text, err)
		}
		if back := dispatch.NewSet(got).Strings(); err == nil && !maps.Equal(back, got) {
			t.Fatalf("%q: %v is packed as %v", text, got, back)
		}
	})
}
