// Command testsum reads `go test -json`, prints a line a package and the whole
// output of what failed, and adds "passed failed skipped" to the file that -add
// names. Its exit code is 1 where a test failed.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

func main() {
	add := flag.String("add", "", "file to add the counts to")
	flag.Parse()
	code, err := run(os.Stdin, os.Stdout, *add)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		code = 2
	}
	os.Exit(code)
}

func run(in io.Reader, out io.Writer, add string) (int, error) {
	var passed, failed, skipped int
	output := map[string]*strings.Builder{}
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			fmt.Fprintln(out, sc.Text()) // a compiler's message
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				if e.Action != "skip" {
					fmt.Fprintf(out, "%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
				}
				if e.Action == "fail" {
					failed++ // the package itself: a panic, or it did not build
					show(out, output[key])
				}
				break
			}
			switch e.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				show(out, output[key])
			default:
				skipped++
				fmt.Fprintf(out, "SKIP %s %s\n", e.Package, e.Test)
				show(out, output[key])
			}
			delete(output, key)
		}
	}
	if failed > 0 {
		show(out, output[" "])
	}
	if add != "" {
		f, err := os.OpenFile(add, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return 2, err
		}
		fmt.Fprintln(f, passed, failed, skipped)
		if err := f.Close(); err != nil {
			return 2, err
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 {
		return 1, sc.Err()
	}
	return 0, sc.Err()
}

func show(out io.Writer, b *strings.Builder) {
	if b != nil {
		fmt.Fprint(out, b.String())
	}
}
