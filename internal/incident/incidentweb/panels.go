package incidentweb

import (
	"net/http"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// slot is what other rooms fill on an incident's page.
const slot = "incident.detail"

// Nav is the room's entry of the rail.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{{Key: "incidents", Href: "/incidents", TextKey: "incident.nav", Icon: "incidents", Hotkey: "i", Order: 60}}
}

// Panels are the room's parts of other pages.
func Panels() []module.Panel {
	return []module.Panel{{Slot: "catalog.service", TitleKey: "incident.panel", URL: "/incidents/of/{id}", Order: 40}}
}

const panelRows = 6

// ofService is the panel of a service: its open and latest incidents.
func (d Deps) ofService(r *http.Request) (webkit.Page, error) {
	ctx, service := r.Context(), r.PathValue("id")
	list, err := d.Desk.Incidents(ctx, incident.Query{Service: service, Limit: panelRows})
	if err != nil {
		return webkit.Page{}, err
	}
	v := panelView{Rows: d.rows(ctx, list), Declare: "/incidents/new?service=" + escape(service), All: "/incidents?service=" + escape(service)}
	return webkit.Page{Title: webkit.T(ctx, "incident.panel"), Active: "incidents", Live: []string{"incident"}, Body: panelBody(v)}, nil
}
