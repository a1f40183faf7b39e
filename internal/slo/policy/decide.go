package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// Line is one sentence in both languages.
type Line struct {
	En string `json:"en"`
	Ja string `json:"ja"`
}

// Verdict is the answer to a change, with what it rests on.
type Verdict struct {
	Decision Decision `json:"decision"`
	State    State    `json:"state"`
	Policy   string   `json:"policy"` // its id
	Reasons  []Line   `json:"reasons"`
	Override string   `json:"override,omitempty"` // the id of the one that let it through
	Evidence []Left   `json:"evidence"`           // every objective of the service
}

// Decide answers a change. It is pure.
func Decide(p Policy, s Standing, c Change, overrides []Override, now time.Time) Verdict {
	var said []Line
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		said = append(said, Line{
			fmt.Sprintf("The policy %s expired on %s: the built-in one decides.", p.ID, p.Expires.Format(time.DateOnly)),
			fmt.Sprintf("ポリシー %s は%sに失効したため、組み込みのポリシーで判定します。", p.ID, p.Expires.Format(time.DateOnly)),
		})
		p = Builtin()
	}
	v := Verdict{State: s.State, Policy: p.ID, Evidence: slices.Clone(s.Lefts)}
	if slices.Contains(p.Exempt, c.Class) {
		v.Decision = Allow
		v.Reasons = append(said, Line{ //nolint:gocritic // said is not used again
			fmt.Sprintf("Changes of class %s are exempt.", c.Class), fmt.Sprintf("種別 %s は適用除外です。", c.Class),
		})
		return v
	}
	v.Decision = p.action(s.State, c.Class)
	said = append(said, because(s, c, v.Decision))
	for _, e := range p.Calendar {
		if !e.Covers(now) || (len(e.Classes) > 0 && !slices.Contains(e.Classes, c.Class)) || e.Decision.hard() <= v.Decision.hard() {
			continue
		}
		v.Decision = stricter(v.Decision, e.Decision)
		said = append(said, Line{fmt.Sprintf("Calendar: %s until %s: %s.", e.Name, e.Last, e.Decision), fmt.Sprintf("カレンダー: %s(%sまで)のため%s。", e.Name, e.Last, ja(e.Decision))})
	}
	if v.Decision != Allow {
		for _, o := range overrides {
			if o.covers(c, now) {
				v.Decision, v.Override = Allow, o.ID
				said = append(said, Line{
					fmt.Sprintf("Overridden by %s until %s: %s", o.Approver, o.Expires.UTC().Format("2006-01-02 15:04Z"), o.Reason),
					fmt.Sprintf("%sが%sまで例外を承認: %s", o.Approver, o.Expires.UTC().Format("2006-01-02 15:04Z"), o.Reason),
				})
				break
			}
		}
	}
	v.Reasons = said
	return v
}

// String is the day as people write it: 01-04, or 2027-01-04.
func (d Day) String() string {
	if d.Year > 0 {
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
	return fmt.Sprintf("%02d-%02d", d.Month, d.Day)
}

// because says what the state means for a change, in one line.
func because(s Standing, c Change, d Decision) Line {
	l, ok := Least(s.Lefts)
	switch {
	case len(s.Lefts) == 0:
		return Line{fmt.Sprintf("%s has no SLO, so nothing is known: %s %s.", s.Service, c.Class, verb(d)), fmt.Sprintf("%s には SLO がなく状態は不明です: %s は%s。", s.Service, c.Class, ja(d))}
	case !ok:
		return Line{fmt.Sprintf("No SLO of %s has data, so nothing is known: %s %s.", s.Service, c.Class, verb(d)), fmt.Sprintf("%s の SLO にデータがなく状態は不明です: %s は%s。", s.Service, c.Class, ja(d))}
	}
	left := slo.Number(100 * l.Remaining)
	return Line{
		fmt.Sprintf("%s %% of the budget of %s is left (%s): %s %s.", left, l.Objective, s.State, c.Class, verb(d)),
		fmt.Sprintf("%s のバジェット残り %s%%(%s): %s は%s。", l.Objective, left, jaState(s.State), c.Class, ja(d)),
	}
}

func verb(d Decision) string {
	switch d {
	case Allow:
		return "is allowed"
	case Warn:
		return "is allowed with a warning"
	case Block:
	}
	return "is blocked"
}

func ja(d Decision) string {
	switch d {
	case Allow:
		return "許可"
	case Warn:
		return "警告付きで許可"
	case Block:
	}
	return "禁止"
}

func jaState(s State) string {
	switch s {
	case Healthy:
		return "正常"
	case Caution:
		return "注意"
	case Restricted:
		return "制限"
	case Exhausted:
		return "枯渇"
	case Unknown:
	}
	return "不明"
}

// Sentence is the verdict in one line of a language, "en" or "ja".
func (v Verdict) Sentence(lang string) string {
	parts := make([]string, 0, len(v.Reasons))
	for _, r := range v.Reasons {
		if lang == "ja" {
			parts = append(parts, r.Ja)
		} else {
			parts = append(parts, r.En)
		}
	}
	if lang == "ja" {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, " ")
}
