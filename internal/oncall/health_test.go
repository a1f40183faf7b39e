package oncall

import (
	"fmt"
	"testing"
)

func TestJudgePaging(t *testing.T) {
	good := ChannelHealth{Channel: "sms", Taken: 100, InTime: 100}
	tests := []struct {
		name        string
		long, short ChannelHealth
		want        string
	}{
		{"all is well", good, good, "[]"},
		{"nothing was sent", ChannelHealth{Channel: "sms"}, ChannelHealth{Channel: "sms"}, "[]"},
		{"one of a hundred is chance", ChannelHealth{Channel: "sms", Taken: 99, InTime: 99, Failed: 1}, ChannelHealth{Channel: "sms", Failed: 1}, "[]"},
		{"two fail now", ChannelHealth{Channel: "sms", Taken: 10, InTime: 10, Failed: 2}, ChannelHealth{Channel: "sms", Failed: 2}, "[sms]"},
		{"they failed, and it is over", ChannelHealth{Channel: "sms", Taken: 10, InTime: 10, Failed: 2}, ChannelHealth{Channel: "sms", Taken: 5, InTime: 5}, "[]"},
		{"late is bad", ChannelHealth{Channel: "sms", Taken: 10, InTime: 8}, ChannelHealth{Channel: "sms", Taken: 2}, "[sms]"},
		{"waiting is bad", ChannelHealth{Channel: "sms", Taken: 10, InTime: 10, Overdue: 3}, ChannelHealth{Channel: "sms", Overdue: 3}, "[sms]"},
		{"of another channel", ChannelHealth{Channel: "sms", Failed: 9}, ChannelHealth{Channel: "mail", Failed: 9}, "[]"},
	}
	for _, tt := range tests {
		if got := fmt.Sprint(JudgePaging([]ChannelHealth{tt.long}, []ChannelHealth{tt.short}, nil)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
