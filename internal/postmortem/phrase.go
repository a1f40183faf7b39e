package postmortem

// Heading is the title of a section.
func Heading(lang string, k Key) string { return phrase(lang, "h_"+string(k)) }

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

// phrases holds every text of a report, English and Japanese. Both take the
// same arguments in the same order or name them by index.
func phrases() map[string][2]string {
	return map[string][2]string{
		"incident": {"Incident", "インシデント"}, "service": {"Service", "サービス"}, "status": {"Status", "状態"}, "approved": {"Approved by", "承認者"},
		"fact": {"fact", "事実"}, "inference": {"inference", "推論"}, "question": {"open question", "未解決の問い"}, "statement": {"statement", "記述"},
		"title": {"Postmortem: %s", "ポストモーテム: %s"},

		"h_summary": {"Summary", "概要"}, "h_impact": {"Impact", "影響"}, "h_times": {"Detection, answer, mitigation", "検知・応答・緩和"},
		"h_contributing": {"Contributing facts", "関係する事実"}, "h_timeline": {"Timeline (UTC)", "タイムライン (UTC)"},
		"h_questions": {"Open questions", "未解決の問い"}, "h_lessons": {"Lessons and actions", "学びと対応"},

		"sum_burning":         {"At %s the objective “%s” of %s began to burn its error budget at %s× (limit %s).", "%s、%[3]s の目標「%[2]s」がエラーバジェットを %[4]s 倍の速さで消費し始めた (しきい値 %[5]s)。"},
		"sum_fired":           {"At %s the alert “%s” of %s fired.", "%s、%[3]s のアラート「%[2]s」が発報した。"},
		"sum_declared_alert":  {"The alert declared incident #%d with severity %d at %s.", "アラートによりインシデント #%d (重大度 %d) が %s に宣言された。"},
		"sum_declared_person": {"A person declared incident #%d with severity %d at %s.", "担当者がインシデント #%d (重大度 %d) を %s に宣言した。"},
		"sum_acked":           {"The page was answered after %s, when %d escalation step(s) had told %d person(s).", "呼び出しには %s 後に応答があった。それまでにエスカレーション %d 段、延べ %d 人に通知した。"},
		"sum_silent":          {"%d escalation step(s) were fired and no answer is recorded.", "エスカレーションを %d 段行ったが、応答の記録はない。"},
		"sum_resolved":        {"The incident was resolved at %s, %s after it was detected.", "インシデントは %s に解決した (検知から %s)。"},

		"imp_events":    {"For “%s”, %s of %s events were bad (%s %%) between %s and %s.", "「%s」では、%[5]s から %[6]s までの %[3]s 件中 %[2]s 件 (%[4]s %%) が失敗した。"},
		"imp_budget":    {"That is %s %% of the error budget of the window; %s %% is left.", "これは期間のエラーバジェットの %s %% にあたり、残りは %s %% である。"},
		"imp_uncounted": {"How many events of “%s” were bad? They could not be counted.", "「%s」の失敗は何件か。数えることができなかった。"},
		"imp_unknown":   {"How many users were hurt, and how? No objective measured it.", "利用者への影響はどれだけか。計測していた目標がない。"},

		"time_handed":   {"Time to hand-over: %s (from the page's opening to the first message taken by a provider, here %s).", "送達までの時間: %s (呼び出しの開始から、最初の通知が送達先に受理されるまで。経路 %s)。"},
		"time_ack":      {"Time to acknowledge: %s (from the page's opening to the first answer).", "応答までの時間: %s (呼び出しの開始から最初の応答まで)。"},
		"time_declare":  {"Time to declare: %s (from the first alert to the declaration).", "宣言までの時間: %s (最初のアラートから宣言まで)。"},
		"time_mitigate": {"Time to mitigate: %s (from the first alert to the end of the harm to users).", "緩和までの時間: %s (最初のアラートから、利用者への影響が止まるまで)。"},
		"time_resolve":  {"Time to resolve: %s (from the first alert to the resolution).", "解決までの時間: %s (最初のアラートから解決まで)。"},
		"time_detect":   {"When did the impact begin? Time to detect runs from there to the first alert; the log knows only the alert.", "影響はいつ始まったか。検知までの時間はそこから最初のアラートまでだが、ログにはアラートしかない。"},

		"con_config":   {"The configuration was changed at %s.", "%s に設定が変更された。"},
		"con_burning":  {"%s burned its budget as well: “%s” at %s, %s×.", "%s もバジェットを消費していた: 「%s」%s、%s 倍。"},
		"con_alert":    {"%s had the alert “%s” at %s.", "%s でアラート「%s」が %s に発報していた。"},
		"con_delivery": {"A message by %s was not taken at %s.", "%s による通知が %s に受理されなかった。"},
		"con_nothing":  {"What changed in the hour before? The log holds no change of the configuration and no alert of a dependency.", "直前の 1 時間に何が変わったか。設定変更も依存先のアラートもログにない。"},

		"timeline": {"%s — %s", "%s — %s"},

		"q_cause":      {"What made %s fail?", "%s はなぜ失敗したか。"},
		"q_sooner":     {"Could it have been noticed before %s was exceeded?", "%s を超える前に気づけたか。"},
		"q_step":       {"What kept step %d from being answered within %s?", "%d 段目に %s 以内の応答がなかったのは何によるか。"},
		"q_exhausted":  {"The escalation ended without an answer (%s): what would have reached somebody?", "応答のないままエスカレーションが終わった (%s)。どうすれば届いたか。"},
		"q_mitigation": {"What ended the harm? No action of a person is recorded.", "影響は何によって止まったか。人の操作は記録されていない。"},
		"q_prevent":    {"What would keep it from happening again, and who will do it by when?", "再発を防ぐには何が必要か。誰がいつまでに行うか。"},

		"l_burning":        {"“%s” burns its budget at %s× (limit %s)", "「%s」がバジェットを %s 倍で消費 (しきい値 %s)"},
		"l_recovered":      {"“%s” is within its objective again after %s", "「%s」が目標内に戻った (%s 後)"},
		"l_fired":          {"%s alert “%s” fired", "%s アラート「%s」が発報"},
		"l_raised":         {"alert “%s” became a %s", "アラート「%s」が %s に上がった"},
		"l_alert_resolved": {"alert “%s” resolved after %s", "アラート「%s」が解決 (%s 後)"},
		"l_step":           {"escalation step %d told %s (%d device(s))", "エスカレーション %d 段目: %s に通知 (端末 %d 台)"},
		"l_delivered":      {"message (%s) handed over to %s by %s", "通知 (%s) を %s に %s で送達"},
		"l_failed":         {"message to %s by %s not taken: %s", "%s への %s 通知が受理されず: %s"},
		"l_acked":          {"%s answered after %s", "%s が応答 (%s 後)"},
		"l_declined":       {"%s passed the page on", "%s が次の担当へ回した"},
		"l_exhausted":      {"nobody is left to tell: %s", "通知先が尽きた: %s"},
		"l_declared":       {"incident #%d declared, severity %d", "インシデント #%d を宣言、重大度 %d"},
		"l_role":           {"%s is %s", "%s が %s を担当"},
		"l_severity":       {"severity changed from %d to %d", "重大度を %d から %d に変更"},
		"l_note":           {"%s noted: “%s”", "%s のメモ: 「%s」"},
		"l_mitigated":      {"mitigated after %s", "緩和 (%s 後)"},
		"l_resolved":       {"resolved after %s", "解決 (%s 後)"},
		"l_reopened":       {"opened again: %s", "再開: %s"},
		"l_attached":       {"another alert belongs to it: %s", "別のアラートが加わった: %s"},
		"l_config":         {"configuration changed", "設定を変更"},
	}
}
