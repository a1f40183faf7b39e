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
		"draft": {"draft", "下書き"}, "published": {"published", "公開済み"},
		"title": {"Postmortem: %s", "ポストモーテム: %s"},

		"h_summary": {"Summary", "概要"}, "h_impact": {"Impact", "影響"}, "h_times": {"Detection, answer, mitigation", "検知・応答・緩和"},
		"h_contributing": {"Contributing facts", "関係する事実"}, "h_timeline": {"Timeline (UTC)", "タイムライン (UTC)"},
		"h_questions": {"Open questions", "未解決の問い"}, "h_lessons": {"Lessons and actions", "学びと対応"},

		"sum_burning":         {"At %s the objective “%s” of %s began to burn its error budget at %s× (limit %s).", "%s、%[3]s の目標「%[2]s」がエラーバジェットを %[4]s 倍の速さで消費し始めた (しきい値 %[5]s)。"},
		"sum_fired":           {"At %s the alert “%s” of %s fired.", "%s、%[3]s のアラート「%[2]s」が発報した。"},
		"sum_declared_alert":  {"The alert declared incident #%d with severity %d at %s.", "%[3]s、アラートによりインシデント #%[1]d (重大度 %[2]d) が宣言された。"},
		"sum_declared_person": {"A person declared incident #%d with severity %d at %s.", "%[3]s、担当者がインシデント #%[1]d (重大度 %[2]d) を宣言した。"},
		"sum_acked":           {"The page was answered after %s, when %s had told %s.", "呼び出しには %s後に応答があった。それまでに%s、計%sに通知していた。"},
		"sum_acked_at_once":   {"The page was answered after %s.", "呼び出しには %s後に応答があった。"},
		"sum_mitigated":       {"At %s the incident was mitigated: “%s”.", "%s に影響が緩和された: 「%s」。"},
		"step_1":              {"%d escalation step", "エスカレーション %d 段"}, "step_n": {"%d escalation steps", "エスカレーション %d 段"},
		"person_1": {"%d person", " %d 人"}, "person_n": {"%d people", " %d 人"},
		"sum_silent":   {"%s told people, and no answer is recorded.", "%sの通知を行ったが、応答の記録はない。"},
		"sum_resolved": {"The incident was resolved at %s, %s after it was detected.", "インシデントは %s に解決した (検知から %s)。"},

		"imp_events":    {"For “%s”, %s of %s events were bad (%s %%) between %s and %s.", "「%s」では、%[5]s から %[6]s までの %[3]s 件のうち %[2]s 件 (%[4]s%%) が失敗した。"},
		"imp_budget":    {"That is %s %% of the error budget of the window; %s %% is left.", "これは期間全体のエラーバジェットの %s%% にあたり、残りは %s%% である。"},
		"imp_uncounted": {"How many events of “%s” were bad? They could not be counted.", "「%s」の失敗は何件だったか。数えることができなかった。"},
		"imp_unknown":   {"How many users were hurt, and how? No objective measured it.", "利用者への影響はどの程度だったか。計測していた目標がない。"},

		"time_handed":   {"Time to hand-over: %s (from the page’s opening to the first message taken by a provider, here %s).", "送達までの時間: %s (呼び出しの開始から、最初の通知が送達先に受理されるまで。経路は %s)。"},
		"time_ack":      {"Time to acknowledge: %s (from the page’s opening to the first answer).", "応答までの時間: %s (呼び出しの開始から最初の応答まで)。"},
		"time_declare":  {"Time to declare: %s (from the first alert to the declaration).", "宣言までの時間: %s (最初のアラートから宣言まで)。"},
		"time_mitigate": {"Time to mitigate: %s (from the first alert to the end of the harm to users).", "緩和までの時間: %s (最初のアラートから、利用者への影響が止まるまで)。"},
		"time_resolve":  {"Time to resolve: %s (from the first alert to the resolution).", "解決までの時間: %s (最初のアラートから解決まで)。"},
		"time_detect":   {"When did the impact begin? Time to detect runs from there to the first alert; the log knows only the alert.", "影響はいつ始まったか。検知までの時間はそこから最初のアラートまでだが、ログにはアラートしかない。"},

		"con_config":   {"The configuration was changed at %s.", "%s に設定が変更された。"},
		"con_burning":  {"%s burned its budget as well: “%s” at %s, %s×.", "%[3]s、%[1]s の「%[2]s」もエラーバジェットを %[4]s 倍の速さで消費していた。"},
		"con_alert":    {"%s had the alert “%s” at %s.", "%[3]s、%[1]s でアラート「%[2]s」が発報していた。"},
		"con_delivery": {"A message by %s was not taken at %s.", "%[2]s、%[1]s による通知が送達先に受理されなかった。"},
		"con_nothing":  {"What changed in the hour before? The log holds no change of the configuration and no alert of a dependency.", "直前の 1 時間に何が変わったか。設定変更も依存先のアラートもログにない。"},

		"timeline": {"%s — %s", "%s — %s"},

		"q_cause":         {"What made %s fail?", "%s はなぜ失敗したか。"},
		"q_cause_unknown": {"What failed, and what made it fail?", "何が、なぜ失敗したか。"},
		"q_sooner":        {"Could it have been noticed before %s was exceeded?", "%sを超える前に気づく手がかりはあったか。"},
		"q_step":          {"What kept step %d from being answered within %s?", "%d 段目に %s間応答がなかったのは、何が妨げになったためか。"},
		"q_exhausted":     {"The escalation ended without an answer (%s): what would have reached somebody?", "応答のないままエスカレーションが終わった (%s)。どうすれば誰かに届いたか。"},
		"q_mitigation":    {"What ended the harm? No action of a person is recorded.", "影響は何によって止まったか。人による操作は記録されていない。"},
		"q_prevent":       {"What would keep it from happening again, and who will do it by when?", "再発を防ぐには何が必要か。誰がいつまでに行うか。"},
	}
}
