package incident

import (
	"fmt"
	"strings"
	"time"
)

// Took writes how long something took, in its two largest units and to the
// second: "3m20s", 「3分20秒」. What took less than ten seconds has a
// decimal.
func Took(lang string, d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	units := [4]string{"d", "h", "m", "s"}
	if lang == "ja" {
		units = [4]string{"日", "時間", "分", "秒"}
	}
	if d < 10*time.Second {
		tenth := d.Round(100*time.Millisecond).Milliseconds() / 100
		if tenth == 0 && d > 0 {
			return fmt.Sprintf(map[bool]string{true: "0.1%s未満", false: "under 0.1%s"}[lang == "ja"], units[3])
		}
		if tenth%10 != 0 {
			return fmt.Sprintf("%s%d.%d%s", sign, tenth/10, tenth%10, units[3])
		}
	}
	d = d.Round(time.Second)
	parts := [4]int64{int64(d / (24 * time.Hour)), int64(d / time.Hour % 24), int64(d / time.Minute % 60), int64(d / time.Second % 60)}
	var b strings.Builder
	n := 0
	for i, v := range parts {
		if n < 2 && (v > 0 || (i == 3 && n == 0)) {
			fmt.Fprintf(&b, "%d%s", v, units[i])
		}
		if v > 0 || n > 0 {
			n++
		}
	}
	return sign + b.String()
}

// Pair writes a pair of windows, "14.4× over 1h and 5m", in a language.
func Pair(lang, pair string) string {
	rate, windows, ok := strings.Cut(pair, "× over ")
	if lang != "ja" || !ok {
		return pair
	}
	return strings.ReplaceAll(windows, " and ", "・") + "平均で" + rate + "倍"
}

// Word writes in a language a word that the log holds in English: a severity,
// a role, a status, a reason that we gave. Any other text is returned as it is.
func Word(lang, s string) string {
	if pair, ok := words()[s]; ok && lang == "ja" {
		return pair
	}
	return s
}

// words are in Japanese what events hold in English.
func words() map[string]string {
	return map[string]string{
		"page": "呼び出し", "ticket": "チケット", "info": "情報",
		"commander": "指揮", "scribe": "記録", "liaison": "連絡",
		"investigating": "調査中", "mitigated": "緩和済み", "resolved": "解決済み",
		"another alert fired":                      "別のアラートが発報した",
		"its last alert is resolved":               "最後のアラートが解決した",
		"no escalation policy covers this service": "このサービスのエスカレーションポリシーがない",
		"every step was taken and nobody answered": "すべての段を終えても応答がなかった",
		"within the objective again":               "目標内に戻った",
		"the objective was removed":                "目標が削除された",
		"the alert was removed":                    "アラートが削除された",
	}
}

// phrase returns a text in a language; an unknown key is shown as it is.
func phrase(lang, key string) string {
	pair, ok := phrases()[key]
	switch {
	case !ok:
		return key
	case lang == "ja":
		return pair[1]
	}
	return pair[0]
}

// phrases holds the words of [Line], English and Japanese. Both take the same
// arguments, in the same order or by index.
func phrases() map[string][2]string {
	return map[string][2]string{
		"burning":            {"“%s” burns its budget at %s× (limit %s)", "「%s」がエラーバジェットを %s 倍の速さで消費 (しきい値 %s)"},
		"recovered":          {"“%s” is within its objective again after %s", "「%s」が目標内に戻った (消費開始から %s)"},
		"fired":              {"%s alert “%s” fired", "アラート「%[2]s」が発報 (%[1]s)"},
		"raised":             {"alert “%s” became a %s", "アラート「%s」の重要度が「%s」に上がった"},
		"raised_word":        {"alert “%s” became worse: “%s” → “%s”", "アラート「%s」が悪化 (「%s」→「%s」)"},
		"alert_resolved":     {"alert “%s” resolved after %s", "アラート「%s」が解決 (発報から %s)"},
		"page_opened":        {"page opened", "呼び出しを開始"},
		"step_device":        {"escalation step %d told %s (%d device)", "エスカレーション %d 段目: %s に通知 (端末 %d 台)"},
		"step":               {"escalation step %d told %s (%d devices)", "エスカレーション %d 段目: %s に通知 (端末 %d 台)"},
		"round":              {", round %d", "、%d 巡目"},
		"delivered":          {"page handed over to %s by %s", "%s への呼び出しを送達 (%s)"},
		"delivered_resolved": {"%s was told by %s that it is over", "%s に解決を通知 (%s)"},
		"failed":             {"message to %s by %s not taken: %s", "%s への通知 (%s) が受理されず: %s"},
		"acked":              {"%s answered after %s", "%s が応答 (呼び出しから %s)"},
		"declined":           {"%s passed the page on", "%s が次の担当へ回した"},
		"exhausted":          {"nobody is left to tell: %s", "通知先が尽きた: %s"},
		"declared":           {"incident #%d declared, severity %d", "インシデント #%d を宣言 (重大度 %d)"},
		"role":               {"%s is %s", "%s が「%s」を担当"},
		"role_open":          {"nobody is %s now", "「%s」の担当がいなくなった"},
		"severity":           {"severity changed from %d to %d", "重大度を %d から %d に変更"},
		"note":               {"%s noted: “%s”", "%s のメモ: 「%s」"},
		"mitigated":          {"mitigated after %s", "影響を緩和 (検知から %s)"},
		"mitigated_how":      {"mitigated after %s: %s", "影響を緩和 (検知から %s): %s"},
		"resolved":           {"incident #%d resolved after %s", "インシデント #%d が解決 (検知から %s)"},
		"reopened":           {"opened again: %s", "再開: %s"},
		"attached":           {"another alert belongs to it: %s", "別のアラートが加わった: %s"},
		"config":             {"configuration changed", "設定を変更"},
		"nobody":             {"nobody", "該当者なし"},
		"comma":              {", ", "、"},
	}
}
