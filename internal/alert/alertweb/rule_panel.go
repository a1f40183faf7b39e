package alertweb

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// RulePanels are the parts that rules have on other pages: what watches a service,
// and what the rule of an alert says.
func RulePanels() []module.Panel {
	return []module.Panel{
		{Slot: "catalog.service", TitleKey: "rules.panel", URL: "/services/{id}/rules", Order: 25},
		{Slot: "alert.detail", TitleKey: "rules.panel.alert", URL: "/alerts/{id}/rule", Order: 5},
	}
}

// ruleRow is one rule in a panel.
type ruleRow struct {
	State           webkit.State
	Title, To, Note string
}

// rulesOf are the rules of a service.
func (d Deps) rulesOf(ctx context.Context, service string) (out []ruleRow) {
	for _, r := range d.Rules.Set().All() {
		for _, i := range r.Instances {
			if i.Service == service {
				out = append(out, ruleRow{severityState(string(r.When.Urgency)), r.Title, "/rules/" + url.PathEscape(r.ID), webkit.T(ctx, "rules.urgency."+string(r.When.Urgency))})
				break
			}
		}
	}
	return out
}

func (d Deps) serviceRules(r *http.Request) (webkit.Page, error) {
	ctx, id := r.Context(), r.PathValue("id")
	return webkit.Page{Title: webkit.T(ctx, "rules.panel") + " · " + id, Active: "alerts", Body: ruleList(d.rulesOf(ctx, id))}, nil
}

func (d Deps) alertRule(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	a, err := d.Inbox.Alert(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	found, ok := d.Rules.Set().Of(alert.Signal{Source: a.Source, Rule: a.Rule, Labels: a.Labels, Severity: a.Severity})
	page := webkit.Page{Title: webkit.T(ctx, "rules.panel.alert"), Active: "alerts", Body: ruleOfAlert(nil, ruleRow{})}
	if ok {
		page.Body = ruleOfAlert(questions(ctx, d.answer(found, LiveRule{})), rowOf(found))
	}
	return page, nil
}

func rowOf(r rule.Rule) ruleRow {
	return ruleRow{State: severityState(string(r.When.Urgency)), Title: r.Title, To: "/rules/" + url.PathEscape(r.ID)}
}
