package lint

import (
	"math/big"
	"regexp"
	"strings"
)

var (
	targetText = regexp.MustCompile(`(?m)\b(target|targetPercent|objective)["']?\s*:\s*["']?([0-9]+(?:\.[0-9]+)?)\b`)
	minuteText = regexp.MustCompile(`\bduration["']?\s*:\s*["']?(1m)\b`)
	opText     = regexp.MustCompile(`\bop["']?\s*:\s*["']?(lte?)\b`)
	alertText  = regexp.MustCompile(`\b(lookbackWindow|alertAfter)\b`)
)

// Document finds in the text of an objective's document, of any dialect, what
// keeps it from becoming an objective or is lost on the way: a target of 100 %, a
// month written as 1m, a burn rate that must be below its threshold.
func Document(file string, line int, text string) (out []Finding) {
	say := func(at int, code Code, s Severity, fix, message string) {
		out = append(out, Finding{Code: code, Severity: s, File: file, Line: line + strings.Count(text[:at], "\n"), Message: message, Fix: fix})
	}
	for _, m := range targetText.FindAllStringSubmatchIndex(text, -1) {
		name, value := text[m[2]:m[3]], text[m[4]:m[5]]
		if whole(name, value) {
			say(m[4], Target100, Error, "choose what users notice: 99.9", name+" "+value+" leaves no budget: one failure breaks the promise, and nothing may ever change")
		}
	}
	for _, m := range minuteText.FindAllStringSubmatchIndex(text, -1) {
		say(m[2], MinuteForMonth, Error, "write 1M for a month, or 30d", "the period is 1m, which is one minute")
	}
	for _, m := range opText.FindAllStringSubmatchIndex(text, -1) {
		if near := around(text, m[0]); alertText.MatchString(near) {
			say(m[2], InvertedOp, Warning, "write op: gte", "the alert asks for a burn rate at or below its threshold: it is on while all is well")
		}
	}
	return out
}

// whole reports whether a target is everything: 1 as a share, 100 in percent. 1 as
// a percentage, or 1.0 of a Sloth objective, would be meant as such as well.
func whole(name, value string) bool {
	r, ok := new(big.Rat).SetString(value)
	if !ok {
		return false
	}
	limit := int64(100)
	if name == "target" && r.Cmp(big.NewRat(1, 1)) <= 0 {
		limit = 1
	}
	return r.Cmp(big.NewRat(limit, 1)) >= 0
}

// around is the condition that text[at] is in: its braces, or the lines next to
// it.
func around(text string, at int) string {
	from := strings.LastIndexByte(text[:at], '{')
	if from >= 0 && !strings.Contains(text[from:at], "}") {
		if to := strings.IndexByte(text[at:], '}'); to >= 0 {
			return text[from : at+to]
		}
	}
	lines := func(s string, n int) int { // the offset after n line breaks
		for i, r := range s {
			if r == '\n' {
				if n--; n < 0 {
					return i
				}
			}
		}
		return len(s)
	}
	before := text[:at]
	for range 5 {
		before = before[:max(0, strings.LastIndexByte(before, '\n'))]
	}
	return text[len(before) : at+lines(text[at:], 4)]
}
