package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// OwnersFile is one CODEOWNERS file.
type OwnersFile struct {
	Repository string // the folder it lies in, "" at the top
	Path       string
	Rules      []OwnersRule
}

// OwnersRule is one line of a CODEOWNERS file.
type OwnersRule struct {
	Line    int
	Pattern string
	Owners  []string // "@org/team", "@person", "a@example.org"; none means nobody
	Section string   // GitLab's [Section]
	match   *regexp.Regexp
}

// Match returns the rule that decides for a path within the repository: the
// last one that matches, as on GitHub and GitLab.
func (f OwnersFile) Match(p string) (OwnersRule, bool) {
	for _, r := range slices.Backward(f.Rules) {
		if r.match.MatchString(p) {
			return r, len(r.Owners) > 0
		}
	}
	return OwnersRule{}, false
}

// ParseOwners reads a CODEOWNERS file: gitignore-like patterns, each with its
// owners; # begins a comment; [Section] lines of GitLab set default owners.
// Negation (!) and character ranges are refused, as GitHub refuses them.
func ParseOwners(file string, text []byte) (OwnersFile, ascode.Problems) {
	f := OwnersFile{Path: file, Repository: repositoryOf(file)}
	var problems ascode.Problems
	var section string
	var defaults []string
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(stripComment(line))
		if line == "" {
			continue
		}
		if name, rest, ok := sectionHead(line); ok {
			section, defaults = name, strings.Fields(rest)
			continue
		}
		fields := splitPattern(line)
		re, err := compileOwners(fields[0])
		if err != nil {
			problems = append(problems, ascode.Problem{File: file, Line: i + 1, Column: 1, Message: err.Error(), Fix: "use a pattern such as /src/, *.go or docs/**/*.md"})
			continue
		}
		owners := fields[1:]
		if len(owners) == 0 {
			owners = defaults
		}
		f.Rules = append(f.Rules, OwnersRule{Line: i + 1, Pattern: fields[0], Owners: owners, Section: section, match: re})
	}
	return f, problems
}

// repositoryOf is the folder whose paths an owners file speaks of: the one that
// it lies in, or the one around .github, .gitlab or docs.
func repositoryOf(file string) string {
	dir := path.Dir(file)
	if slices.Contains([]string{".github", ".gitlab", "docs"}, path.Base(dir)) {
		dir = path.Dir(dir)
	}
	if dir == "." {
		return ""
	}
	return dir
}

func stripComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

var sectionLine = regexp.MustCompile(`^\^?\[([^\]]+)\](?:\[\d+\])?\s*(.*)$`)

func sectionHead(line string) (name, rest string, ok bool) {
	m := sectionLine.FindStringSubmatch(line)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// splitPattern splits at spaces that no backslash escapes.
func splitPattern(line string) []string {
	fields := strings.Fields(strings.ReplaceAll(line, `\ `, "\x00"))
	for i := range fields {
		fields[i] = strings.ReplaceAll(fields[i], "\x00", " ")
	}
	return fields
}

// compileOwners turns a gitignore-like pattern into an anchored expression.
func compileOwners(pattern string) (*regexp.Regexp, error) {
	if strings.HasPrefix(pattern, "!") || strings.ContainsAny(pattern, "[]") {
		return nil, fmt.Errorf("pattern %q: negation and ranges are not part of CODEOWNERS", pattern)
	}
	p := strings.TrimPrefix(pattern, "/")
	anchored := strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	var b strings.Builder
	b.WriteString("^")
	if !anchored {
		b.WriteString("(?:.*/)?")
	}
	for p != "" {
		expr, n := ownersToken(p)
		b.WriteString(expr)
		p = p[n:]
	}
	// "docs" owns the file and everything under the folder; "docs/*" only the
	// files directly in it.
	if !strings.HasSuffix(pattern, "*") && !strings.HasSuffix(pattern, "/") {
		b.WriteString("(?:/.*)?")
	} else if !anchored && strings.HasSuffix(pattern, "*") {
		b.WriteString("(?:/.*)?")
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}

// ownersToken returns the expression for the beginning of p, and how many bytes
// of p it stands for.
func ownersToken(p string) (expr string, n int) {
	switch {
	case strings.HasPrefix(p, "**/"):
		return "(?:.*/)?", 3
	case strings.HasPrefix(p, "**"):
		return ".*", 2
	case p[0] == '*':
		return "[^/]*", 1
	case p[0] == '?':
		return "[^/]", 1
	case p == "/":
		return "/.*", 1
	}
	n = strings.IndexAny(p[1:], "*?/") + 1
	if n == 0 {
		n = len(p)
	}
	return regexp.QuoteMeta(p[:n]), n
}

// named turns the names of a rule into teams and people of the catalog.
func (s *Snapshot) named(r OwnersRule, f OwnersFile) Owner {
	o := Owner{Why: fmt.Sprintf("%s:%d: %s", f.Path, r.Line, r.Pattern)}
	for _, name := range r.Owners {
		bare := strings.ToLower(strings.TrimPrefix(name, "@"))
		short := bare[strings.LastIndexByte(bare, '/')+1:]
		if i := slices.IndexFunc(s.Teams, func(t Team) bool {
			return t.ID == short || slices.ContainsFunc(t.Aliases, func(a string) bool { return strings.EqualFold(strings.TrimPrefix(a, "@"), bare) })
		}); i >= 0 {
			o.Teams = append(o.Teams, s.Teams[i].ID)
			continue
		}
		if i := slices.IndexFunc(s.People, func(p Person) bool {
			return p.ID == bare || strings.EqualFold(p.Email, name) || slices.ContainsFunc(p.Aliases, func(a string) bool { return strings.EqualFold(strings.TrimPrefix(a, "@"), bare) })
		}); i >= 0 {
			o.People = append(o.People, s.People[i].ID)
			continue
		}
		o.Names = append(o.Names, name)
	}
	return o
}
