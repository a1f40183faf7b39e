package rota

import "time"

// Japan names the public holidays of Japan (国民の祝日) from 2000 to 2099, from
// the Act on National Holidays (1948, as amended) and the special acts for 2019,
// 2020 and 2021. The equinoxes are those of the usual formula; the Cabinet fixes
// them each February for the year after.
func Japan() Holidays {
	days := map[Day]string{}
	for year := 2000; year <= 2099; year++ {
		japanese(days, year)
	}
	substitutes(days)
	return func(d Day) string { return days[d] }
}

// Named returns holidays from a list, which is not changed afterwards.
func Named(days map[Day]string) Holidays { return func(d Day) string { return days[d] } }

// Union names what any of several calendars names; nil where there are none.
func Union(all ...Holidays) Holidays {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return func(d Day) string {
		for _, h := range all {
			if name := h(d); name != "" {
				return name
			}
		}
		return ""
	}
}

func japanese(days map[Day]string, y int) {
	put := func(m time.Month, d int, name string) { days[DayOf(y, m, d)] = name }
	monday := func(m time.Month, n int, name string) {
		first := int(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Weekday())
		put(m, 1+(8-first)%7+7*(n-1), name)
	}
	since := func(year int, now, before string) string {
		if y >= year {
			return now
		}
		return before
	}
	put(time.January, 1, "元日")
	monday(time.January, 2, "成人の日")
	put(time.February, 11, "建国記念の日")
	switch {
	case y >= 2020:
		put(time.February, 23, "天皇誕生日")
	case y < 2019:
		put(time.December, 23, "天皇誕生日")
	}
	put(time.March, equinox(20.8431, y), "春分の日")
	put(time.April, 29, since(2007, "昭和の日", "みどりの日"))
	put(time.May, 3, "憲法記念日")
	if y >= 2007 {
		put(time.May, 4, "みどりの日")
	}
	put(time.May, 5, "こどもの日")
	put(time.September, equinox(23.2488, y), "秋分の日")
	put(time.November, 3, "文化の日")
	put(time.November, 23, "勤労感謝の日")
	if y == 2019 {
		put(time.May, 1, "天皇の即位の日")
		put(time.October, 22, "即位礼正殿の儀の行われる日")
	}
	if y < 2003 {
		put(time.July, 20, "海の日")
		put(time.September, 15, "敬老の日")
	} else {
		monday(time.September, 3, "敬老の日")
	}
	summer(y, put, monday)
}

// summer puts the holidays that moved for the Olympic Games.
func summer(y int, put, monday func(time.Month, int, string)) {
	switch {
	case y == 2020:
		put(time.July, 23, "海の日")
		put(time.July, 24, "スポーツの日")
		put(time.August, 10, "山の日")
		return
	case y == 2021:
		put(time.July, 22, "海の日")
		put(time.July, 23, "スポーツの日")
		put(time.August, 8, "山の日")
		return
	case y >= 2003:
		monday(time.July, 3, "海の日")
	}
	if y >= 2016 {
		put(time.August, 11, "山の日")
	}
	if y >= 2022 {
		monday(time.October, 2, "スポーツの日")
	} else {
		monday(time.October, 2, "体育の日")
	}
}

// equinox is the day of March or September, good from 1980 to 2099.
func equinox(base float64, y int) int {
	return int(base + 0.242194*float64(y-1980) - float64((y-1980)/4))
}

// substitutes adds the days that are holidays because of others: the next
// weekday after one on a Sunday (振替休日), and a day between two (国民の休日).
func substitutes(days map[Day]string) {
	named := make(map[Day]bool, len(days))
	for d := range days {
		named[d] = true
	}
	for d := range named {
		if d.Weekday() != time.Sunday {
			continue
		}
		next := d + 1
		// Before 2007 only the Monday could be one.
		for named[next] && d >= DayOf(2007, time.January, 1) {
			next++
		}
		if !named[next] {
			days[next] = "振替休日"
		}
	}
	for d := range named {
		if between := d + 1; named[d+2] && days[between] == "" && between.Weekday() != time.Sunday {
			days[between] = "国民の休日"
		}
	}
}
