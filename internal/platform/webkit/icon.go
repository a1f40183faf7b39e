package webkit

import "strings"

// iconPaths returns the strokes of an icon on a 16 px grid; an unknown name is
// a dot, so that a typing mistake is seen and breaks nothing.
func iconPaths(name string) []string {
	paths, ok := map[string]string{
		"now":         "M8 2v3M8 11v3M2 8h3M11 8h3|M8 6.500a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3",
		"services":    "M8 1.8 13.8 5 8 8.2 2.2 5z|M2.2 8 8 11.2 13.8 8|M2.2 11 8 14.2 13.8 11",
		"slos":        "M2.2 11.500a6 6 0 1 1 11.6 0|M8 9.500l2.8-3.6|M8 9.500h.01",
		"alerts":      "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.500H2.800z|M6.7 14.300h2.6",
		"oncall":      "M4.2 2h2l1 3-1.5 1.200a8 8 0 0 0 4 4L11 8.800l3 1v2a1.6 1.6 0 0 1-1.7 1.700A10.5 10.5 0 0 1 2.5 3.7 1.6 1.6 0 0 1 4.2 2z",
		"incidents":   "M8 1.500c.6 2.5 4 3.8 4 7.500a4 4 0 0 1-8 0c0-1.6.8-2.5 1.6-3.4.3 1.2.8 1.7 1.5 1.900C6.9 5.2 7 3.2 8 1.500z",
		"postmortems": "M3.5 1.800h6l3 3v9.400h-9z|M9.5 1.800v3h3|M5.8 8h4.400M5.8 10.800h4.4",
		"log":         "M5.5 3.500h8M5.5 8h8M5.5 12.500h8|M2.5 3.500h.01M2.5 8h.01M2.5 12.500h.01",
		"burnrates":   "M2 13.500h12|M2.5 11 6 7.500l2.5 2L13.5 3|M10.5 3h3v3",
		"search":      "M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z|M10.4 10.4 14 14",
		"clock":       "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z|M8 4.800V8l2.2 1.5",
		"user":        "M8 2.500a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.400z|M2.8 14a5.2 5.2 0 0 1 10.4 0",
		"help":        "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z|M6.3 6.300a1.7 1.7 0 1 1 2.5 1.600c-.5.3-.8.6-.8 1.2|M8 11.300h.01",
		"check":       "M3 8.5 6.5 12 13 4.5",
		"close":       "M4 4l8 8M12 4l-8 8",
		"more":        "M3.5 8h.01M8 8h.01M12.5 8h.01",
		"menu":        "M2.5 4.500h11M2.5 8h11M2.5 11.500h11",
		"rail":        "M2 3h12v10H2z|M6 3v10",
		"chevron":     "M6 3.5 10.5 8 6 12.5",
		"down":        "M3.5 6 8 10.5 12.5 6",
		"external":    "M9 2.500h4.500V7|M13.5 2.5 8 8|M11.5 9.500v4h-9v-9h4",
		"copy":        "M5.5 5.500h8v8h-8z|M10.5 5.500v-3h-8v8h3",
		"link":        "M6.5 9.500l3-3|M7.5 4.5 9 3a2.8 2.8 0 0 1 4 4l-1.5 1.5|M8.5 11.5 7 13a2.8 2.8 0 0 1-4-4l1.5-1.5",
		"pin":         "M6 2h4l-.5 4 2.5 2.500H4L6.5 6z|M8 8.500V14",
		"deploy":      "M8 14V6|M4.5 9 8 5.5 11.5 9|M3 2.500h10",
		"page":        "M4.5 1.800h7v12.400h-7z|M7.3 12.200h1.4",
		"chat":        "M2 3h12v8H7.500L4.5 13.800V11H2z",
		"mail":        "M2 3.500h12v9H2z|M2.5 4l5.5 4.500L13.5 4",
		"edit":        "M3 13l.6-2.8 7.6-7.6 2.2 2.2-7.6 7.600z|M9.8 4l2.2 2.2",
		"plus":        "M8 3v10M3 8h10",
		"robot":       "M3 6h10v7H3z|M8 6V3|M6 9h.01M10 9h.01",
		"flag":        "M3.5 14V2.5|M3.5 3h8.500l-2 3 2 3H3.5",
	}[name]
	if !ok {
		return []string{"M8 7.500v1"}
	}
	return strings.Split(paths, "|")
}
