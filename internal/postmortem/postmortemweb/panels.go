package postmortemweb

import (
	"net/http"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Nav is the room's entry of the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "postmortems", Href: "/postmortems", TextKey: "postmortem.nav", Icon: "postmortems", Hotkey: "p", Order: 70}}
}

// Panels are the room's parts of other pages.
func Panels() []module.Panel {
	return []module.Panel{{Slot: "incident.detail", TitleKey: "postmortem.panel", URL: "/panels/postmortems/{id}", Order: 10}}
}

// ofIncident is the panel of an incident: its postmortem, or how to get one.
func (d Deps) ofIncident(r *http.Request) (webkit.Page, error) {
	ctx, id := r.Context(), r.PathValue("id")
	v := panelView{Incident: id}
	report, _, err := d.Writer.Report(ctx, id)
	switch {
	case err != nil && errs.KindOf(err) != errs.NotFound:
		return webkit.Page{}, err
	case err == nil:
		row := rowOf(ctx, report, d.service(ctx, report.Service), d.name(ctx))
		v.Row = &row
	}
	return webkit.Page{Title: webkit.T(ctx, "postmortem.panel"), Active: "postmortems", Live: []string{"postmortem"}, Body: panelBody(v)}, nil
}
