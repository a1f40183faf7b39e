package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const shiftRows = 4 // of the form of a temporary schedule

// The ways of an override.
const (
	howAll    = "all"
	howOne    = "one"
	howAdd    = "add"
	howRemove = "remove"
)

// kinds are the kinds of adjustments in the order of the links.
func kinds() []rota.Kind {
	return []rota.Kind{rota.Override, rota.Swap, rota.Temporary, rota.Absence, rota.Shadow}
}

// changeForm is what somebody has typed.
type changeForm struct{ url.Values }

// kind is what the form is for; an unknown one is an override.
func (f changeForm) kind() rota.Kind {
	if k := rota.Kind(f.Get("kind")); slices.Contains(kinds(), k) {
		return k
	}
	return rota.Override
}

// adjustment reads the form: its times are by the clock of the rota, and by zone
// where it is for all rotas. The keys of what is wrong are those of the text.
func (f changeForm) adjustment(plan *oncall.Plan, zone *time.Location, by string) (a oncall.Adjustment, wrong string) {
	if r := plan.Rota(f.Get("rota")); r != nil {
		zone = r.Zone().Location()
	}
	a = oncall.Adjustment{Kind: f.kind(), Rota: f.Get("rota"), Person: f.Get("person"), Of: f.Get("of"), Reason: f.Get("reason"), By: by}
	var bad bool
	read := func(name string) time.Time {
		at, err := time.ParseInLocation(clockLayout, f.Get(name), zone)
		bad = bad || err != nil
		return at.UTC()
	}
	switch a.Kind {
	case rota.Override:
		f.override(&a)
	case rota.Temporary:
		a.Person, a.Of = "", ""
		for i := range shiftRows {
			n := strconv.Itoa(i)
			if who := f.Get("person" + n); who != "" {
				a.Shifts = append(a.Shifts, rota.StaticShift{Person: who, Start: read("start" + n), End: read("end" + n)})
			}
		}
	case rota.Absence:
		a.Of = ""
	case rota.Shadow:
		a.Mode = rota.Mode(f.Get("mode"))
		var err error
		if a.After, err = strconv.Atoi("0" + f.Get("graduate")); err != nil || a.After > 1000 {
			return a, "oncall.change.bad.number"
		}
	case rota.Swap:
	}
	a.Start, a.End = read("start"), read("end")
	if bad {
		return a, "oncall.change.bad.time"
	}
	return a, ""
}

func (f changeForm) override(a *oncall.Adjustment) {
	switch f.Get("how") {
	case howAdd:
		a.Of = ""
	case howRemove:
		a.Person = ""
	case howOne:
	default:
		a.Of = rota.Everybody
	}
}

type changeInput struct {
	form   changeForm
	plan   *oncall.Plan
	people []catalog.Person
	me     string
	failed string
}

type changeView struct {
	Head   webkit.Head
	Kind   string
	Tabs   []webkit.Tab
	Fields []webkit.Input
	Shifts []shiftFields
	Failed string
	Back   string
	ActAs  webkit.ActAs
}

type shiftFields struct {
	Title  string
	Fields []webkit.Input
}

// viewChange says what the form of a kind asks. It is pure.
func viewChange(ctx context.Context, in changeInput) changeView {
	kind := in.form.kind()
	v := changeView{
		Kind: string(kind), Failed: in.failed, Back: in.form.Get("back"),
		Head: webkit.Head{State: webkit.Muted, Title: webkit.T(ctx, "oncall.change"), Sentence: webkit.T(ctx, "oncall.change."+string(kind)), Detail: webkit.T(ctx, "oncall.change."+string(kind)+".means")},
	}
	for _, k := range kinds() {
		v.Tabs = append(v.Tabs, webkit.Tab{Text: webkit.T(ctx, "oncall.change."+string(k)), Href: "/oncall/change?kind=" + string(k), Current: k == kind})
	}
	in.form = in.filled(ctx)
	v.Fields = append(v.Fields, in.rotaField(ctx))
	switch kind {
	case rota.Override:
		v.Fields = append(v.Fields, in.choice(ctx, "how", "oncall.change.how", in.hows(ctx)), in.person(ctx, "person", "oncall.change.who", ""), in.person(ctx, "of", "oncall.change.of", "oncall.change.of.none"))
	case rota.Swap:
		v.Fields = append(v.Fields, in.person(ctx, "of", "oncall.change.whose", ""), in.person(ctx, "person", "oncall.change.take", "oncall.change.anyone"))
	case rota.Absence:
		v.Fields = append(v.Fields, in.person(ctx, "person", "oncall.change.who", ""))
	case rota.Shadow:
		v.Fields = append(v.Fields, in.person(ctx, "person", "oncall.change.learner", ""), in.person(ctx, "of", "oncall.change.teacher", "oncall.says.shadow.any"), in.choice(ctx, "mode", "oncall.change.mode", in.modes(ctx)),
			webkit.Input{Name: "graduate", Label: webkit.T(ctx, "oncall.change.graduate"), Type: "number", Value: in.form.Get("graduate")})
	case rota.Temporary:
		for i := range shiftRows {
			n := strconv.Itoa(i)
			v.Shifts = append(v.Shifts, shiftFields{webkit.T(ctx, "oncall.change.shift", i+1), []webkit.Input{in.person(ctx, "person"+n, "oncall.change.who", "oncall.change.noone"), in.when(ctx, "start"+n, "oncall.override.start"), in.when(ctx, "end"+n, "oncall.override.end")}})
		}
	}
	start, end := in.when(ctx, "start", "oncall.override.start"), in.when(ctx, "end", "oncall.override.end")
	start.Required, end.Required, end.Help = true, true, webkit.T(ctx, "oncall.change.zones")
	if len(in.plan.Rotas) == 1 {
		end.Help = webkit.T(ctx, "oncall.change.zone", in.plan.Rotas[0].Zone().String())
	}
	v.Fields = append(v.Fields, start, end, webkit.Input{Name: "reason", Label: webkit.T(ctx, "oncall.override.reason"), Value: in.form.Get("reason")})
	return v
}

// filled is the form with what is likely where nothing was typed.
func (in changeInput) filled(ctx context.Context) changeForm {
	f := changeForm{url.Values{}}
	for k, v := range in.form.Values {
		f.Values[k] = slices.Clone(v)
	}
	likely := func(name, value string) {
		if _, typed := f.Values[name]; !typed {
			f.Set(name, value)
		}
	}
	zone := webkit.Zone(ctx)
	r := in.plan.Rota(f.Get("rota"))
	if r == nil && len(in.plan.Rotas) > 0 {
		r = &in.plan.Rotas[0]
	}
	if r != nil {
		zone = r.Zone().Location()
	}
	at := webkit.Now(ctx).In(zone).Truncate(time.Hour).Add(time.Hour)
	likely("start", at.Format(clockLayout))
	likely("end", at.Add(8*time.Hour).Format(clockLayout))
	likely("mode", string(rota.Notify))
	likely("graduate", "0")
	switch f.kind() {
	case rota.Swap:
		likely("of", in.me)
	case rota.Absence:
		likely("person", in.me)
	case rota.Override, rota.Temporary, rota.Shadow:
	}
	return f
}

func (in changeInput) rotaField(ctx context.Context) webkit.Input {
	f := webkit.Input{Name: "rota", Label: webkit.T(ctx, "oncall.col.rota"), Type: "select", Value: in.form.Get("rota")}
	if k := in.form.kind(); k == rota.Absence || k == rota.Shadow {
		f.Choices = append(f.Choices, webkit.Choice{Text: webkit.T(ctx, "oncall.change.rota.all")})
	}
	for _, r := range in.plan.Rotas {
		f.Choices = append(f.Choices, webkit.Choice{Value: r.ID, Text: r.Name + " (" + r.Zone().String() + ")"})
	}
	return f
}

func (in changeInput) person(ctx context.Context, name, label, none string) webkit.Input {
	f := webkit.Input{Name: name, Label: webkit.T(ctx, label), Type: "select", Value: in.form.Get(name)}
	if none != "" {
		f.Choices = append(f.Choices, webkit.Choice{Text: webkit.T(ctx, none)})
	}
	for _, p := range in.people {
		f.Choices = append(f.Choices, webkit.Choice{Value: p.ID, Text: p.Name})
	}
	return f
}

func (in changeInput) choice(ctx context.Context, name, label string, choices []webkit.Choice) webkit.Input {
	return webkit.Input{Name: name, Label: webkit.T(ctx, label), Type: "select", Value: in.form.Get(name), Choices: choices}
}

func (in changeInput) when(ctx context.Context, name, label string) webkit.Input {
	return webkit.Input{Name: name, Label: webkit.T(ctx, label), Type: "datetime-local", Value: in.form.Get(name)}
}

func (changeInput) hows(ctx context.Context) (out []webkit.Choice) {
	for _, h := range []string{howAll, howOne, howAdd, howRemove} {
		out = append(out, webkit.Choice{Value: h, Text: webkit.T(ctx, "oncall.change.how."+h)})
	}
	return out
}

func (changeInput) modes(ctx context.Context) (out []webkit.Choice) {
	for _, m := range []rota.Mode{rota.Silent, rota.Notify, rota.Reverse} {
		out = append(out, webkit.Choice{Value: string(m), Text: webkit.T(ctx, "oncall.change.mode."+string(m))})
	}
	return out
}

func (d Deps) change(r *http.Request) (webkit.Page, error) {
	return d.changePage(r, changeForm{r.URL.Query()}, ""), nil
}

func (d Deps) changePage(r *http.Request, f changeForm, failed string) webkit.Page {
	ctx := r.Context()
	v := viewChange(ctx, changeInput{form: f, plan: d.Pager.Plan(), people: d.Catalog.People(ctx), me: d.me(r), failed: failed})
	v.ActAs = d.actAs(r, "")
	title := webkit.T(ctx, "oncall.change")
	return webkit.Page{Title: title, Active: "oncall", Crumbs: []webkit.Crumb{{Text: title}}, Body: changePage(v)}
}

func (d Deps) makeChange(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(d.Kit.Context(r))
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		d.Kit.Fail(w, r, errs.New(errs.Invalid, "the form cannot be read"))
		return
	}
	f := changeForm{r.PostForm}
	a, wrong := f.adjustment(d.Pager.Plan(), webkit.Zone(ctx), auth.Actor(ctx, webkit.AskedAs(r)))
	failed := ""
	if wrong != "" {
		failed = webkit.T(ctx, wrong)
	} else {
		_, err := d.Pager.Adjust(ctx, a)
		if err != nil && errs.KindOf(err) != errs.Invalid {
			d.Kit.Fail(w, r, err)
			return
		}
		if err != nil {
			failed = err.Error()
		}
	}
	if failed != "" {
		p := d.changePage(r, f, failed)
		p.Status = http.StatusUnprocessableEntity
		d.Kit.Render(w, r, p)
		return
	}
	to := "/oncall#changes"
	if f.Get("back") == "/me" {
		to = "/me"
	}
	webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "oncall.done.change", says(ctx, a, d.names(ctx)))})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (d Deps) endChange(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	err := d.Pager.EndAdjustment(ctx, r.PathValue("id"), auth.Actor(ctx, webkit.AskedAs(r)))
	return webkit.Done{To: "/oncall#changes", Flash: webkit.T(ctx, "oncall.done.ended")}, err
}

func (d Deps) takeSwap(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	err := d.Pager.TakeSwap(ctx, r.PathValue("id"), auth.Actor(ctx, webkit.AskedAs(r)))
	return webkit.Done{To: "/oncall#changes", Flash: webkit.T(ctx, "oncall.done.swap")}, err
}

// says is an adjustment in words.
func says(ctx context.Context, a oncall.Adjustment, n names) string {
	person, of := n.of(a.Person), n.of(a.Of)
	switch a.Kind {
	case rota.Override:
		switch {
		case a.Of == rota.Everybody && a.Person == "":
			return webkit.T(ctx, "oncall.says.removeall")
		case a.Of == rota.Everybody:
			return webkit.T(ctx, "oncall.says.all", person)
		case a.Of == "":
			return webkit.T(ctx, "oncall.says.add", person)
		case a.Person == "":
			return webkit.T(ctx, "oncall.says.remove", of)
		}
		return webkit.T(ctx, "oncall.says.one", person, of)
	case rota.Temporary:
		return webkit.T(ctx, "oncall.says.temporary", len(a.Shifts))
	case rota.Swap:
		if a.Person == "" {
			return webkit.T(ctx, "oncall.says.swap.open", of)
		}
		return webkit.T(ctx, "oncall.says.swap", person, of)
	case rota.Absence:
		return webkit.T(ctx, "oncall.says.absence", person)
	case rota.Shadow:
		if a.Of == "" {
			of = webkit.T(ctx, "oncall.says.shadow.any")
		}
		return webkit.T(ctx, "oncall.says.shadow", person, of)
	}
	return string(a.Kind)
}

// changeRow is one adjustment of a list.
type changeRow struct {
	ID, Kind, Says, Rota, Start, End, Reason, By string
	EndTo                                        string
	TakeTo                                       string // "" where there is nothing to take, or it is one's own
	Own                                          bool
}

// viewChanges are the adjustments, those that wait for somebody first. It is pure.
func viewChanges(ctx context.Context, plan *oncall.Plan, all []oncall.Adjustment, n names, me string) (out []changeRow) {
	for _, a := range all {
		if !a.End.After(webkit.Now(ctx)) {
			continue
		}
		at := "/oncall/changes/" + url.PathEscape(a.ID)
		zone := webkit.Zone(ctx)
		row := changeRow{ID: a.ID, Kind: webkit.T(ctx, "oncall.change."+string(a.Kind)), Says: says(ctx, a, n), Rota: webkit.T(ctx, "oncall.change.rota.all"), Reason: a.Reason, By: n.of(a.By), EndTo: at + "/end", Own: me != "" && (a.Person == me || a.Of == me)}
		if r := plan.Rota(a.Rota); r != nil {
			row.Rota, zone = r.Name, r.Zone().Location()
		} else if a.Rota != "" {
			row.Rota = a.Rota
		}
		row.Start, row.End = inZone(a.Start, zone), inZone(a.End, zone)
		if a.Kind == rota.Shadow {
			row.Says += " · " + webkit.T(ctx, "oncall.change.mode."+string(a.Mode))
			if a.After > 0 {
				row.Says += " · " + webkit.T(ctx, "oncall.says.graduates", a.After)
			}
		}
		if a.Kind == rota.Swap && a.Person == "" && (me == "" || a.Of != me) {
			row.TakeTo = at + "/take"
		}
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b changeRow) int {
		switch {
		case (a.TakeTo != "") == (b.TakeTo != ""):
			return 0
		case a.TakeTo != "":
			return -1
		}
		return 1
	})
	return out
}

// zoneOf is whose clock a rota goes by; the viewer's where it is gone.
func zoneOf(ctx context.Context, plan *oncall.Plan, id string) *time.Location {
	if r := plan.Rota(id); r != nil {
		return r.Zone().Location()
	}
	return webkit.Zone(ctx)
}

// inZone is a time by the clock of a rota.
func inZone(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04 MST")
}
