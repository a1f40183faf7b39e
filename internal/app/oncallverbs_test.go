package app

import (
	"encoding/json"
	"testing"
)

// The stories are what the pager promises; `hinoban oncall test` runs files like
// this one on anybody's own documents.
func TestStoriesOfEscalations(t *testing.T) {
	t.Parallel()
	got, err := TestOnCall([]string{"testdata/oncall"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Failed > 0 || got.Passed < 15 {
		text, _ := json.MarshalIndent(got, "", "  ")
		t.Errorf("%d passed, %d failed\n%s", got.Passed, got.Failed, text)
	}
}
