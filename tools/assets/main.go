// Command assets bundles the islands (TypeScript) and the style sheets into
// internal/platform/webkit/static, with esbuild's Go API: no Node is needed.
//
// It takes webkit's own app.ts and app.css, and after them what the rooms
// bring: internal/*/*web/island.ts and internal/*/*web/island.css.
//
//	go run -C tools ./assets
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const (
	source = "internal/platform/webkit/assets/app"
	output = "internal/platform/webkit/static"
)

func main() {
	if err := build(".."); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

func build(root string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	if err := bundle(root, ".ts", "app.js"); err != nil {
		return err
	}
	return bundle(root, ".css", "app.css")
}

// bundle writes one file from webkit's own source and every room's.
func bundle(root, ext, name string) error {
	rooms, err := filepath.Glob(filepath.Join(root, "internal/*/*web/island"+ext))
	if err != nil {
		return err
	}
	var entry strings.Builder
	for _, f := range append([]string{filepath.Join(root, source+ext)}, rooms...) {
		rel, err := filepath.Rel(root, f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&entry, map[string]string{".ts": "import %q;\n", ".css": "@import %q;\n"}[ext], "./"+filepath.ToSlash(rel))
	}
	res := api.Build(api.BuildOptions{
		Stdin: &api.StdinOptions{
			Contents: entry.String(), ResolveDir: root, Sourcefile: "entry" + ext,
			Loader: map[string]api.Loader{".ts": api.LoaderTS, ".css": api.LoaderCSS}[ext],
		},
		Outfile:           filepath.Join(root, output, name),
		AbsWorkingDir:     root,
		Bundle:            true,
		Write:             true,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		Format:            api.FormatIIFE,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		Engines: []api.Engine{
			{Name: api.EngineChrome, Version: "123"}, {Name: api.EngineFirefox, Version: "120"}, {Name: api.EngineSafari, Version: "17.5"},
		},
	})
	var errs []error
	for _, m := range append(res.Errors, res.Warnings...) {
		at := ""
		if m.Location != nil {
			at = fmt.Sprintf("%s:%d: ", m.Location.File, m.Location.Line)
		}
		errs = append(errs, errors.New(at+m.Text))
	}
	return errors.Join(errs...)
}
