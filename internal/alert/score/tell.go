package score

import (
	"fmt"
	"strings"
	"time"
)

// tellAt is the hour of Monday at which a team is told of the week.
const tellAt = 9

// Due returns the week that a team is to be told of at now, by the clock of its
// zone: the one that ended last, from Monday nine o'clock on. "" before that
// hour: then the week before was told a week ago.
func Due(now time.Time, zone *time.Location) (week string, from time.Time) {
	local := now.In(zone)
	monday := time.Date(local.Year(), local.Month(), local.Day()-(int(local.Weekday())+6)%7, 0, 0, 0, 0, zone)
	if local.Before(time.Date(monday.Year(), monday.Month(), monday.Day(), tellAt, 0, 0, 0, zone)) {
		return "", time.Time{}
	}
	from = monday.AddDate(0, 0, -7)
	return WeekID(from), from
}

// Letter is the week as a message: a title and a few lines, in "ja" or "en".
func (w Week) Letter(lang string, proposals int) (title, body string) {
	say := func(en, ja string, args ...any) string {
		if lang == "ja" {
			return fmt.Sprintf(ja, args...)
		}
		return fmt.Sprintf(en, args...)
	}
	title = say("Alerts of %s: %d pages", "%s のアラート: 呼び出し %d 件", w.ID, w.Pages)
	lines := []string{say("Pages: %d (the week before %d).", "呼び出し: %d 件（前週 %d 件）。", w.Pages, w.PagesLast)}
	if w.Precision.Told {
		lines = append(lines, say("Worth it: %.0f %% of %d judged (%.0f to %.0f %%).", "有用: %.0f %%（判定 %d 件、%.0f ～ %.0f %%）。", 100*w.Precision.At, w.Precision.N, 100*w.Precision.Low, 100*w.Precision.High))
	} else {
		lines = append(lines, say("Worth it: cannot tell, %d judged.", "有用: 判断できません（判定 %d 件）。", w.Precision.N))
	}
	lines = append(lines, say("Judged: %d of %d pages.", "判定済み: 呼び出し %[2]d 件中 %[1]d 件。", w.Judged.K, w.Judged.N))
	for _, t := range w.Teams {
		lines = append(lines, say("A shift of 12 h: %.2f pages, %d in the busiest.", "12時間シフトあたり %.2f 件、最多 %d 件。", t.PerShift, t.Busiest))
	}
	if len(w.Worst) > 0 {
		lines = append(lines, "", say("The worst rules:", "最も悪いルール:"))
		for _, s := range w.Worst[:min(5, len(w.Worst))] {
			lines = append(lines, say("- %s: %.0f %% of %d", "- %s: %.0f %%（%d 件）", s.Rule, 100*s.Precision.At, s.Precision.N))
		}
	}
	if len(w.Missed) > 0 {
		lines = append(lines, "", say("What was missed:", "見逃し:"))
		for _, m := range w.Missed[:min(5, len(w.Missed))] {
			lines = append(lines, "- "+m.Service+": "+m.What)
		}
	}
	lines = append(lines, "", say("Silent rules: %d. Proposals: %d.", "沈黙しているルール: %d 件。提案: %d 件。", len(w.Silent), proposals))
	return title, strings.Join(lines, "\n")
}
