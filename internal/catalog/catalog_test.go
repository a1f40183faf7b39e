package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// The patterns and the examples are those of GitHub's documentation.
const githubOwners = `# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
`

func TestMatchOfGitHubsExamples(t *testing.T) {
	f, problems := ParseOwners("CODEOWNERS", []byte(githubOwners))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tests := []struct{ path, want string }{
		{"README.md", "@global-owner1 @global-owner2"},
		{"deep/er/README.md", "@global-owner1 @global-owner2"},
		{"src/a.js", "@js-owner"},
		{"main.go", "docs@example.com"},
		{"notes/x.txt", "@octo-org/octocats"},
		{"build/logs/today.log", "@octocat"}, // **/logs comes later than /build/logs/
		{"deeply/nested/logs/a", "@octocat"},
		{"docs/getting-started.md", "@doctocat"},
		{"docs/build-app/troubleshooting.md", "@doctocat"},
		{"scripts/x/y.sh", "@doctocat @octocat"},
		{"apps/a/b", "@octocat"},
		{"x/apps/b", "@octocat"},
		{"apps/github/x", ""}, // has no owner
	}
	for _, tt := range tests {
		r, ok := f.Match(tt.path)
		if got := strings.Join(r.Owners, " "); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: got %q by %q, want %q", tt.path, got, r.Pattern, tt.want)
		}
	}
}

func TestMatchOfOnePattern(t *testing.T) {
	tests := []struct {
		pattern, yes, no string // paths, separated by spaces
	}{
		{"*", "a a/b a/b/c.go", ""},
		{"/*", "a", "a/b"},
		{"docs/*", "docs/a.md", "docs/b/c.md x/docs/a.md"},
		{"docs/**", "docs/a docs/b/c", "x/docs/a docs"},
		{"/docs/", "docs/a docs/b/c", "docs x/docs/a"},
		{"docs", "docs docs/a x/docs/a", "docs2 mydocs"},
		{"a/**/b", "a/b a/x/b a/x/y/b a/b/c", "ab a/bb"},
		{"**/logs", "logs logs/a x/y/logs/a", "x/logsy"},
		{"*.md", "a.md x/a.md", "a.mdx"},
		{"?.go", "a.go x/b.go", "ab.go .go"},
		{"/a.b/", "a.b/c", "aXb/c"},
		{`/with\ space/`, "", ""},
	}
	for _, tt := range tests {
		f, problems := ParseOwners("CODEOWNERS", []byte(tt.pattern+" @o\n"))
		if len(problems) > 0 || len(f.Rules) != 1 {
			t.Errorf("%s: %v", tt.pattern, problems)
			continue
		}
		for p := range strings.FieldsSeq(tt.yes) {
			if _, ok := f.Match(p); !ok {
				t.Errorf("%s does not match %s", tt.pattern, p)
			}
		}
		for p := range strings.FieldsSeq(tt.no) {
			if _, ok := f.Match(p); ok {
				t.Errorf("%s matches %s", tt.pattern, p)
			}
		}
	}
	f, _ := ParseOwners("CODEOWNERS", []byte("/with\\ space/ @o\n"))
	if _, ok := f.Match("with space/a"); !ok {
		t.Error("an escaped space does not match")
	}
}

func TestParseOwners(t *testing.T) {
	f, problems := ParseOwners("shop/.gitlab/CODEOWNERS", []byte("!x @a\n[0-9] @b\nb[ad] @c\n\n[Docs][2] @writers\ndocs/\ndocs/api/ @api\n"))
	if len(problems) != 2 || problems[0].Line != 1 || problems[1].Line != 3 || problems[0].Fix == "" {
		t.Errorf("problems: %v", problems)
	}
	if f.Repository != "shop" {
		t.Errorf("repository: got %q, want shop", f.Repository)
	}
	if r, ok := f.Match("docs/a"); !ok || r.Section != "Docs" || !slices.Equal(r.Owners, []string{"@writers"}) {
		t.Errorf("a section's default owners: got %+v", r)
	}
	for file, want := range map[string]string{
		"CODEOWNERS": "", ".github/CODEOWNERS": "", "docs/CODEOWNERS": "", "shop/CODEOWNERS": "shop", "shop/docs/CODEOWNERS": "shop", "mydocs/CODEOWNERS": "mydocs", "a/b/.github/CODEOWNERS": "a/b",
	} {
		if f, _ := ParseOwners(file, nil); f.Repository != want {
			t.Errorf("%s: repository %q, want %q", file, f.Repository, want)
		}
	}
}

func FuzzParseOwners(f *testing.F) {
	f.Add(githubOwners, "docs/a.md")
	f.Add("[S][1] @x\n/a\\ b/ @y # c\n", "a b/c")
	f.Add("**/** @x\n*** @y\n/ @z\n? @q", "a")
	f.Fuzz(func(t *testing.T, text, path string) {
		o, problems := ParseOwners("CODEOWNERS", []byte(text))
		for _, p := range problems {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		if r, ok := o.Match(path); ok && len(r.Owners) == 0 {
			t.Errorf("matched without owners: %+v", r)
		}
	})
}

const shop = `apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi, displayName: Aoi Sato}
spec: {email: aoi@shop.example, aliases: ["@aoi-s"], devices: [{channel: inbox}, {channel: mail, address: aoi@shop.example, after: 2m}]}
---
apiVersion: hinoban/v1
kind: Team
metadata: {name: shop, displayName: Shop}
spec: {members: [aoi], aliases: ["@example/shop-team"]}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: checkout}
spec: {team: shop, tier: 1, dependsOn: [{service: payment}, {service: search, kind: soft}], hosts: ["*.shop.example"], paths: [shop/checkout/]}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: payment}
spec: {team: shop, tier: 1, hosts: [pay.shop.example], paths: [shop/checkout/pay/]}
---
apiVersion: openslo/v1
kind: Service
metadata: {name: search}
spec: {description: Finds things.}
`

func load(t *testing.T, files map[string]string) (*Catalog, *Snapshot) {
	t.Helper()
	set, problems := ascode.Parse(files, Kinds())
	s, more := Build(set)
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatal(problems)
	}
	c := New()
	c.Replace(s)
	return c, s
}

func TestBuild(t *testing.T) {
	c, s := load(t, map[string]string{"shop.yaml": shop})
	if len(s.Services) != 3 || len(s.Teams) != 1 || len(s.People) != 1 {
		t.Fatalf("got %d services, %d teams, %d people", len(s.Services), len(s.Teams), len(s.People))
	}
	v, err := c.Service(t.Context(), "checkout")
	if err != nil || v.Source != "shop.yaml:11" || len(v.DependsOn) != 2 || !v.DependsOn[0].Hard || v.DependsOn[1].Hard {
		t.Errorf("checkout: %+v, %v", v, err)
	}
	if got := c.Dependents(t.Context(), "search"); !slices.Equal(got, []string{"checkout"}) {
		t.Errorf("dependents of search: %v", got)
	}
	p := s.People[0]
	if p.Lang != "en" || len(p.Devices) != 2 || p.Devices[0].Address != "aoi" || p.Devices[1].After.Minutes() != 2 {
		t.Errorf("person: %+v", p)
	}
	if _, err := c.Service(t.Context(), "nope"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("unknown service: %v", err)
	}
}

func TestBuildRefusesNamesThatAreNowhere(t *testing.T) {
	text := strings.NewReplacer("members: [aoi]", "members: [ren]", "service: payment}", "service: nothing}", "{team: shop, tier: 1, hosts: [pay", "{team: nobody, tier: 1, hosts: [pay").Replace(shop)
	set, _ := ascode.Parse(map[string]string{"shop.yaml": text}, Kinds())
	_, problems := Build(set)
	all := problems.Error()
	for _, want := range []string{`there is no person "ren"`, `there is no service "nothing"`, `there is no team "nobody"`} {
		if !strings.Contains(all, want) {
			t.Errorf("got\n%s\nwant %s", all, want)
		}
	}
}

func TestOwner(t *testing.T) {
	c, _ := load(t, map[string]string{
		"shop.yaml": shop, "CODEOWNERS": "* @Example/Shop-Team\n/web/ @aoi-s x@elsewhere.example\n/old/\n", "api/CODEOWNERS": "*.go aoi@shop.example\n",
	})
	tests := []struct {
		q    Question
		want string // service teams people names; "" is not found
		why  string
	}{
		{Question{Service: "checkout"}, "checkout [shop] [aoi] []", "shop.yaml:11"},
		{Question{Service: "search"}, "search [] [] []", "shop.yaml:"},
		{Question{Service: "nope"}, "", "nobody owns service"},
		{Question{Host: "www.SHOP.example"}, "checkout [shop] [aoi] []", "hosts"},
		{Question{Host: "pay.shop.example"}, "payment [shop] [aoi] []", "hosts"}, // the longer one decides
		{Question{Host: "shop.example"}, "", "nobody owns host"},
		{Question{Path: "/shop/checkout/main.go"}, "checkout [shop] [aoi] []", "paths"},
		{Question{Path: "shop/checkout/pay/card.go"}, "payment [shop] [aoi] []", "paths"},
		{Question{Path: "shop/checkouts/x"}, " [shop] [] []", "CODEOWNERS:1: *"},
		{Question{Path: "web/a"}, " [] [aoi] [x@elsewhere.example]", "CODEOWNERS:2: /web/"},
		{Question{Path: "api/x.go"}, " [] [aoi] []", "api/CODEOWNERS:1: *.go"},
		{Question{Path: "api/x.py"}, " [shop] [] []", "CODEOWNERS:1"},
		{Question{Path: "old/x"}, "", "gives path \"old/x\" to nobody"},
		{Question{}, "", "ask by"},
	}
	for _, tt := range tests {
		o, err := c.Owner(t.Context(), tt.q)
		got, why := "", o.Why
		if err == nil {
			got = o.Service + " [" + strings.Join(o.Teams, " ") + "] [" + strings.Join(o.People, " ") + "] [" + strings.Join(o.Names, " ") + "]"
		} else {
			why = err.Error()
		}
		if got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%+v: got %q because %q, want %q because %q", tt.q, got, why, tt.want, tt.why)
		}
	}
}
