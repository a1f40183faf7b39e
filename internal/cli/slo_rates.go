package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// newSLORates are the commands about burn rates.
func newSLORates(s Streams, getenv func(string) string) []*cobra.Command {
	return []*cobra.Command{newSLOBacktest(s, getenv), newSLOFit(s, getenv), newSLODrill(s), newSLOCatalogue(s)}
}

// tried is what the API says of a back-test.
type tried struct {
	Objective string      `json:"objective"`
	From      time.Time   `json:"from"`
	To        time.Time   `json:"to"`
	Step      float64     `json:"step_seconds"`
	Incidents int         `json:"incidents"`
	Results   []triedPlan `json:"results"`
}

type triedPlan struct {
	Name             string          `json:"name"`
	Pages            int             `json:"pages"`
	Tickets          int             `json:"tickets"`
	PagesPerWeek     float64         `json:"pages_per_week"`
	Precision        *float64        `json:"precision,omitempty"`
	Recall           *float64        `json:"recall,omitempty"`
	DetectionSeconds *float64        `json:"detection_seconds,omitempty"`
	ResetSeconds     *float64        `json:"reset_seconds,omitempty"`
	NightPages       int             `json:"night_pages"`
	SleepLostMinutes float64         `json:"sleep_lost_minutes"`
	PageTimes        []triedInterval `json:"page_times"`
}

type triedInterval struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func newSLOBacktest(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	id, file, zone, days, asJSON := "", "", "", 90, false
	cmd := &cobra.Command{
		Use:     "backtest",
		Short:   "Say what burn rates would have called in the past",
		Long:    "Replay what a server has counted through burn rates: what each objective has now, and\nthe entries of a catalogue that are for it — those of --catalogue, or every one there\nis. Pages are compared with the incidents of the log.",
		Example: "  hinoban slo backtest --slo api-availability\n  hinoban slo backtest --slo api-availability --catalogue burnrates.yaml --days 30\n  hinoban slo backtest --json --zone Asia/Tokyo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := optionalFile(file)
			if err != nil {
				return err
			}
			c := r.client(getenv)
			ids := []string{id}
			if id == "" {
				if ids, err = objectiveIDs(func(after string, out any) error {
					return c.Get(cmd.Context(), "/api/v1/slos", out, "limit", "1000", "after", after)
				}); err != nil {
					return err
				}
			}
			all := make([]tried, 0, len(ids))
			for _, one := range ids {
				var out tried
				if err := c.Post(cmd.Context(), "/api/v1/slos/"+one+"/backtest", map[string]any{"days": days, "catalogue": text, "zone": zone}, &out); err != nil {
					return fmt.Errorf("%s: %w", one, err)
				}
				all = append(all, out)
			}
			if asJSON {
				return printJSON(s, all)
			}
			for _, t := range all {
				printTried(s, t)
			}
			return nil
		},
	}
	r.bind(cmd)
	cmd.Flags().StringVar(&id, "slo", "", "the objective; without it, all")
	cmd.Flags().StringVar(&file, "catalogue", "", "a file of BurnRateCatalogue documents to try")
	cmd.Flags().IntVar(&days, "days", 90, "how far to look back")
	cmd.Flags().StringVar(&zone, "zone", "", "whose nights count, such as Asia/Tokyo; UTC without it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func optionalFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file that the user names
	if err != nil {
		return "", errs.New(errs.NotFound, "read the catalogue: %w", err)
	}
	return string(text), nil
}

// objectiveIDs pages through the objectives of a server.
func objectiveIDs(page func(after string, out any) error) (ids []string, err error) {
	for after := ""; ; {
		var out struct {
			SLOs []struct {
				ID string `json:"id"`
			} `json:"slos"`
			Next string `json:"next"`
		}
		if err := page(after, &out); err != nil {
			return nil, err
		}
		for _, o := range out.SLOs {
			ids = append(ids, o.ID)
		}
		if after = out.Next; after == "" {
			return ids, nil
		}
	}
}

func printTried(s Streams, t tried) {
	printf(s.Out, "%s, %s to %s, %d incident(s)\n", t.Objective, t.From.Format("2006-01-02"), t.To.Format("2006-01-02"), t.Incidents)
	printf(s.Out, "  %-28s %6s %9s %10s %7s %10s %8s %12s %8s\n", "entry", "pages", "per week", "precision", "recall", "detection", "reset", "night", "tickets")
	for _, r := range t.Results {
		printf(s.Out, "  %-28s %6d %9.2f %10s %7s %10s %8s %12s %8d\n", r.Name, r.Pages, r.PagesPerWeek, share(r.Precision), share(r.Recall),
			seconds(r.DetectionSeconds), seconds(r.ResetSeconds), fmt.Sprintf("%d, %.0f min", r.NightPages, r.SleepLostMinutes), r.Tickets)
	}
}

// share writes a share; what cannot be told is a dash.
func share(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100**v)
}

func seconds(v *float64) string {
	if v == nil {
		return "-"
	}
	return time.Duration(*v * float64(time.Second)).Round(time.Second).String()
}

// fitted is what the API says of a fit.
type fitted struct {
	Objective string        `json:"objective"`
	Kept      bool          `json:"kept"`
	Derived   bool          `json:"derived"`
	Tried     int           `json:"tried"`
	Best      fittedTrade   `json:"best"`
	Catalogue string        `json:"catalogue"`
	Curve     []fittedTrade `json:"curve"`
}

type fittedTrade struct {
	Plan             string  `json:"plan"`
	PagesPerWeek     float64 `json:"pages_per_week"`
	Recall           float64 `json:"recall"`
	Precision        float64 `json:"precision"`
	DetectionSeconds float64 `json:"detection_seconds"`
	SleepLostMinutes float64 `json:"sleep_lost_minutes"`
}

func newSLOFit(s Streams, getenv func(string) string) *cobra.Command {
	var r remote
	id, zone, days, asJSON := "", "", 90, false
	pages, recall := 2.0, 0.95
	cmd := &cobra.Command{
		Use:     "fit",
		Short:   "Propose burn rates that would have called seldom enough and still in time",
		Long:    "Try a grid of burn rates on what a server has counted of an objective, and propose\nthe one that finds incidents soonest among those that keep both limits. The whole\ntrade-off is printed, and the proposal as a document. The exit code is 1 where none\nkeeps the limits.",
		Example: "  hinoban slo fit --slo api-availability --max-pages-per-week 2 --min-recall 0.95",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out fitted
			in := map[string]any{"days": days, "max_pages_per_week": pages, "min_recall": recall, "zone": zone}
			if err := r.client(getenv).Post(cmd.Context(), "/api/v1/slos/"+id+"/fit", in, &out); err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(s, out); err != nil {
					return err
				}
			} else {
				printFitted(s, out)
			}
			if !out.Kept {
				return errSilent
			}
			return nil
		},
	}
	r.bind(cmd)
	cmd.Flags().StringVar(&id, "slo", "", "the objective")
	cmd.Flags().Float64Var(&pages, "max-pages-per-week", pages, "the most pages a week")
	cmd.Flags().Float64Var(&recall, "min-recall", recall, "the least share of incidents that must be paged for")
	cmd.Flags().IntVar(&days, "days", days, "how far to look back")
	cmd.Flags().StringVar(&zone, "zone", "", "whose nights count, such as Asia/Tokyo; UTC without it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if err := cmd.MarkFlagRequired("slo"); err != nil {
		panic(err) // the flag is three lines above
	}
	return cmd
}

func printFitted(s Streams, f fitted) {
	if f.Derived {
		printf(s.Out, "# no incident was recorded: outages that spent 2 %% of the budget stand for them\n")
	}
	printf(s.Out, "# %d tried; what no other beats:\n", f.Tried)
	for _, t := range f.Curve {
		printf(s.Out, "#   %5.2f pages a week, recall %3.0f %%, precision %3.0f %%, found after %s: %s\n", t.PagesPerWeek, 100*t.Recall, 100*t.Precision, seconds(&t.DetectionSeconds), t.Plan)
	}
	word := "keeps the limits"
	if !f.Kept {
		word = "comes nearest, and keeps them not"
	}
	printf(s.Out, "# %s %s: %.2f pages a week, recall %.0f %%, found after %s\n%s", f.Best.Plan, word, f.Best.PagesPerWeek, 100*f.Best.Recall, seconds(&f.Best.DetectionSeconds), f.Catalogue)
}

func newSLODrill(s Streams) *cobra.Command {
	dir, target, asJSON := "", "99.9", false
	cmd := &cobra.Command{
		Use:     "drill",
		Short:   "Inject outages into made-up counters and hold burn rates to their promise",
		Long:    "For every entry of the catalogues — the built-in ones, and those under --config — and\nfor eight shares of bad events, count made-up events through the arithmetic that judges\nthe real ones, and compare when the alert fires and resets with what the formulas\npromise. The exit code is 1 where a cell differs by more than one tick of 10 s.",
		Example: "  hinoban slo drill\n  hinoban slo drill --config ./config --target 99.5",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := optionalFolder(dir)
			if err != nil {
				return err
			}
			cells, err := app.Drill(files, target)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(s, cells); err != nil {
					return err
				}
			}
			differ := 0
			for _, c := range cells {
				mark := "ok"
				if !c.Agrees {
					differ++
					mark = "DIFFERS"
				}
				if !asJSON {
					printf(s.Out, "%-32s %-28s %6s %%  %-22s %-22s %s\n", c.Entry, c.Pair, c.BadPercent, "fires "+c.After, "resets "+c.Reset, mark)
				}
			}
			if !asJSON {
				printf(s.Out, "%d cells, %d differ from the formula by more than 10s\n", len(cells), differ)
			}
			if differ > 0 {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "config", "", "a folder with catalogues of your own")
	cmd.Flags().StringVar(&target, "target", target, "the target in percent; an entry's own range comes first")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newSLOCatalogue(s Streams) *cobra.Command {
	cmd := &cobra.Command{Use: "catalogue", Short: "Work with catalogues of burn rates"}
	asJSON := false
	test := &cobra.Command{
		Use:     "test DIR",
		Short:   "Hold the catalogues of a folder to what they promise",
		Long:    "Check every entry of the catalogues under DIR at the ends of its range of targets and\nfor each of its periods: each pair can fire, none calls below 1×, and what `promises:`\nsays is kept, such as `{badRatio: 100%, within: 3m}`. The exit code is 1 where one is not.",
		Example: "  hinoban slo catalogue test ./config",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := folder(args[0])
			if err != nil {
				return err
			}
			tested, err := app.TestCatalogues(files)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(s, tested); err != nil {
					return err
				}
			}
			bad := 0
			for _, t := range tested {
				bad += len(t.Failures)
				if asJSON {
					continue
				}
				for _, f := range t.Failures {
					printf(s.Err, "%s: %s/%s: %s\n", t.Source, t.Catalogue, f.Entry, f.Message)
				}
				if len(t.Failures) == 0 {
					printf(s.Out, "ok: %s keeps what it promises (%d entries)\n", t.Catalogue, t.Entries)
				}
			}
			if len(tested) == 0 {
				return errs.New(errs.NotFound, "there is no BurnRateCatalogue under %s", args[0])
			}
			if bad > 0 {
				return errSilent
			}
			return nil
		},
	}
	test.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(test)
	return cmd
}

// optionalFolder reads the YAML of a folder, path to text; "" is none.
func optionalFolder(dir string) (map[string]string, error) {
	if dir == "" {
		return nil, nil
	}
	fsys, err := folder(dir)
	if err != nil {
		return nil, err
	}
	set, problems := app.Check(fsys)
	if len(problems) > 0 {
		lines := make([]string, 0, len(problems))
		for _, p := range problems {
			lines = append(lines, p.String())
		}
		return nil, errs.New(errs.Invalid, "%s", strings.Join(slices.Compact(lines), "\n"))
	}
	return set.Files, nil
}
