package auth_test

import (
	"testing"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

func TestMay(t *testing.T) {
	t.Parallel()
	routes := []httpd.Access{httpd.Public, httpd.Ingest, httpd.Viewer, httpd.Responder, httpd.Admin, "typo", httpd.Keyed}
	tests := []struct {
		name string
		p    auth.Principal
		want [7]bool
	}{
		{"nobody", auth.Principal{}, [7]bool{true, false, false, false, false, false, true}},
		{"viewer", auth.Principal{Role: auth.Viewer}, [7]bool{true, false, true, false, false, false, true}},
		{"responder", auth.Principal{Role: auth.Responder}, [7]bool{true, true, true, true, false, false, true}},
		{"admin", auth.Principal{Role: auth.Admin}, [7]bool{true, true, true, true, true, false, true}},
		{"ingest token", auth.Principal{Scopes: []auth.Scope{auth.ScopeIngest}}, [7]bool{true, true, false, false, false, false, true}},
		{"odd role", auth.Principal{Role: "root"}, [7]bool{true, false, false, false, false, false, true}},
		{"local", auth.Local("127.0.0.1"), [7]bool{true, true, true, true, true, false, true}},
	}
	for _, tt := range tests {
		for i, access := range routes {
			if got := tt.p.May(access); got != tt.want[i] {
				t.Errorf("%s on %s: got %v, want %v", tt.name, access, got, tt.want[i])
			}
		}
	}
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	got, err := auth.ParseScopes([]string{"write", "read", "write"})
	if err != nil || len(got) != 2 || got[0] != auth.ScopeRead || got[1] != auth.ScopeWrite {
		t.Errorf("got %v, %v, want [read write]", got, err)
	}
	for _, bad := range [][]string{nil, {"root"}, {"read write"}} {
		if _, err := auth.ParseScopes(bad); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: got %v, want an Invalid error", bad, err)
		}
	}
}

func TestPersonValidate(t *testing.T) {
	t.Parallel()
	good := auth.Person{ID: "aoi", Name: "葵", Email: "aoi@example.com", Role: auth.Viewer}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*auth.Person){
		func(p *auth.Person) { p.ID = "" },
		func(p *auth.Person) { p.ID = "Aoi" },
		func(p *auth.Person) { p.ID = "a/b" },
		func(p *auth.Person) { p.ID = "local" },
		func(p *auth.Person) { p.Name = "a\nb" },
		func(p *auth.Person) { p.Name = "" },
		func(p *auth.Person) { p.Email = "Aoi <aoi@example.com>" },
		func(p *auth.Person) { p.Role = "root" },
	} {
		p := good
		change(&p)
		if err := p.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", p, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	off := auth.Default()
	off.Mode = auth.Off
	if err := off.Validate("127.0.0.1:8119", "[::1]:8119", "localhost:8119"); err != nil {
		t.Errorf("loopback: %v", err)
	}
	if err := auth.Default().Validate("0.0.0.0:8119"); err != nil {
		t.Errorf("on: %v", err)
	}
	for _, l := range []string{"0.0.0.0:8119", ":8119", "[::]:8119", "10.0.0.1:8119", "localhost.example.com:1", "nonsense"} {
		if err := off.Validate("127.0.0.1:8119", l); errs.KindOf(err) != errs.Invalid {
			t.Errorf("off on %s: got %v, want an Invalid error", l, err)
		}
	}
	for _, c := range []auth.Config{{}, {Mode: auth.On}, {Mode: "maybe", Idle: 1, Longest: 1}} {
		if err := c.Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: got %v, want an Invalid error", c, err)
		}
	}
}
