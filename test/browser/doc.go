// Package browser tests pages in a real Chromium: what only a browser can say.
// Pictures are left in HINOBAN_SHOTS, or a temporary folder, to be looked at.
package browser
