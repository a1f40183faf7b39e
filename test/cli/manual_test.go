package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/arch"
	"github.com/hinoban/hinoban/internal/cli"
)

const root = "../.."

func manual(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(root + "/docs/manual/*/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no manual", err)
	}
	for _, f := range append(files, root+"/README.md") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f] = string(text)
	}
	return out
}

// help runs a command with --help and returns what it says.
func help(args ...string) (string, bool) {
	var out bytes.Buffer
	code := cli.Main(context.Background(), append(args, "--help"), cli.Streams{Out: &out, Err: &out}, func(string) string { return "" })
	return out.String(), code == 0
}

var fenced = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Every hinoban command in the manual exists, with the flags it is given.
func TestCommandsOfTheManualExist(t *testing.T) {
	seen := 0
	for file, text := range manual(t) {
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				line, _, _ = strings.Cut(line, "#")
				line, _, _ = strings.Cut(line, "|")
				f := strings.Fields(line)
				if len(f) == 0 || strings.TrimPrefix(f[0], "./") != "hinoban" {
					continue
				}
				seen++
				checkCommand(t, file, f[1:])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands found in the manual", seen)
	}
}

func checkCommand(t *testing.T, file string, args []string) {
	t.Helper()
	verb := args[:1]
	if len(args) > 1 && (args[0] == "log" || args[0] == "slo" || args[0] == "alert" || args[0] == "oncall") {
		verb = args[:2]
	}
	if len(args) > 2 && args[1] == "catalogue" {
		verb = args[:3]
	}
	text, ok := help(verb...)
	if !ok || !strings.Contains(text, "hinoban "+strings.Join(verb, " ")) {
		t.Errorf("%s: there is no command %v", file, verb)
		return
	}
	for _, a := range args[len(verb):] {
		name, _, _ := strings.Cut(a, "=")
		if strings.HasPrefix(a, "-") && !strings.Contains(text, name+" ") && !strings.Contains(text, name+",") && !strings.Contains(text, name+"\n") {
			t.Errorf("%s: %v has no flag %s", file, verb, a)
		}
	}
}

// The rooms that exist stand in the map of ARCHITECTURE.md with their rank.
func TestMapShowsTheRooms(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d) \| (\w+) \|`).FindAllStringSubmatch(string(text), -1) {
		drawn[m[2]] = m[1]
	}
	for room, rank := range arch.Rank {
		_, err := os.Stat(filepath.Join(root, "internal", room, "doc.go"))
		want := ""
		if err == nil {
			want = string(rune('0' + rank))
		}
		if drawn[room] != want {
			t.Errorf("room %s: ARCHITECTURE.md draws rank %q, want %q", room, drawn[room], want)
		}
	}
}

// Each of our own metrics that the code declares is in the manual, and the
// other way round; each environment variable too.
func TestManualNamesMetricsAndEnvironment(t *testing.T) {
	declared := map[string]bool{}
	name := regexp.MustCompile(`"(hinoban_[a-z_]+_(?:total|seconds|info)|HINOBAN_[A-Z_]+)"`)
	prefix := regexp.MustCompile(`Namespace: "hinoban"`)
	err := filepath.WalkDir(root+"/internal", func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := os.ReadFile(p)
		if prefix.Match(text) {
			t.Errorf("%s: write metric names in full, so that they can be found", p)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			declared[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for file, text := range manual(t) {
		if strings.Contains(file, "/en/") {
			all += text
		}
	}
	for n := range declared {
		short := n
		if rest, ok := strings.CutPrefix(n, "HINOBAN_SMTP"); ok {
			short = rest
		}
		if !strings.Contains(all, n) && !strings.Contains(all, short) {
			t.Errorf("%s is not in the manual", n)
		}
	}
	for _, m := range regexp.MustCompile(`hinoban_[a-z_]+_(?:total|seconds|info)`).FindAllString(all, -1) {
		if !declared[m] {
			t.Errorf("the manual names %s, which does not exist", m)
		}
	}
}
