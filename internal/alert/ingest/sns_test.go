package ingest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// aws signs as Amazon SNS does, with a key of its own.
type aws struct {
	key  *rsa.PrivateKey
	cert []byte
}

func newAWS(tb testing.TB) aws {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: t0.AddDate(-1, 0, 0), NotAfter: t0.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return aws{key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a aws) sign(tb testing.TB, text, version string) string {
	tb.Helper()
	kind, sum := crypto.SHA256, sha256.Sum256([]byte(text))
	hash := sum[:]
	if version == "1" {
		old := sha1.Sum([]byte(text))
		kind, hash = crypto.SHA1, old[:]
	}
	out, err := rsa.SignPKCS1v15(rand.Reader, a.key, kind, hash)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out)
}

const (
	topic     = "arn:aws:sns:ap-northeast-1:123456789012:alarms"
	certURL   = "https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
	subscribe = "https://sns.ap-northeast-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + topic + "&Token=t"
)

// snsBody is a message as SNS posts it.
func snsBody(tb testing.TB, a aws, kind, message, version string) []byte {
	tb.Helper()
	m := map[string]string{
		"Type": kind, "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": topic, "Message": message, "Timestamp": "2026-11-20T02:09:31.000Z",
		"SignatureVersion": version, "SigningCertURL": certURL, "UnsubscribeURL": "https://sns.ap-northeast-1.amazonaws.com/?Action=Unsubscribe",
	}
	text := "Message\n" + message + "\nMessageId\n" + m["MessageId"] + "\n"
	if kind == "Notification" {
		m["Subject"] = "ALARM: checkout 5xx"
		text += "Subject\n" + m["Subject"] + "\nTimestamp\n" + m["Timestamp"] + "\nTopicArn\n" + topic + "\nType\n" + kind + "\n"
	} else {
		m["Token"], m["SubscribeURL"] = "t", subscribe
		text += "SubscribeURL\n" + subscribe + "\nTimestamp\n" + m["Timestamp"] + "\nToken\nt\nTopicArn\n" + topic + "\nType\n" + kind + "\n"
	}
	m["Signature"] = a.sign(tb, text, version)
	b, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestAnAlarmOfCloudWatch(t *testing.T) {
	a := newAWS(t)
	for _, version := range []string{"1", "2"} {
		b, err := read(t, ingest.CloudWatchSNS, snsBody(t, a, "Notification", string(recorded(t, "cloudwatch-alarm.json")), version))
		want := "firing ticket house|checkout 5xx|" + b.Signals[0].Key + "|More than 10 server errors of checkout in a minute|02:09:30\n"
		if got := told(b); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if err := b.Verify.Check(a.cert, t0); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
		s := b.Signals[0]
		if s.Labels["dimension_LoadBalancer"] == "" || s.Expr != "SUM(HTTPCode_Target_5XX_Count) GreaterThanThreshold 10" || !strings.HasPrefix(s.URL, "https://ap-northeast-1.console.aws.amazon.com/") {
			t.Errorf("got %+v", s)
		}
	}
}

func TestASignatureThatIsNotOfTheMessage(t *testing.T) {
	a, stranger := newAWS(t), newAWS(t)
	alarm := string(recorded(t, "cloudwatch-alarm.json"))
	good := string(snsBody(t, a, "Notification", alarm, "2"))
	b, err := read(t, ingest.CloudWatchSNS, []byte(strings.Replace(good, "More than 10", "More than 11", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]error{
		"changed":         b.Verify.Check(a.cert, t0),
		"of a stranger":   b.Verify.Check(stranger.cert, t0),
		"no certificate":  b.Verify.Check([]byte("x"), t0),
		"not valid today": b.Verify.Check(a.cert, t0.AddDate(2, 0, 0)),
	} {
		if errs.KindOf(check) != errs.Denied {
			t.Errorf("%s: got %v, want Denied", name, check)
		}
	}
	for _, host := range []string{
		"https://evil.example/SimpleNotificationService.pem", "http://sns.us-east-1.amazonaws.com/x.pem", "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
		"https://x@sns.us-east-1.amazonaws.com/x.pem", "https://sns.us-east-1.amazonaws.com:8443/x.pem", "https://s3.us-east-1.amazonaws.com/x.pem", "https://sns.us-east-1.amazonaws.com/x.txt",
	} {
		if _, err := read(t, ingest.CloudWatchSNS, []byte(strings.Replace(good, certURL, host, 1))); errs.KindOf(err) != errs.Denied {
			t.Errorf("%s: got %v, want Denied", host, err)
		}
	}
	confirm := string(snsBody(t, a, "SubscriptionConfirmation", "You have chosen to subscribe", "1"))
	if b, err := read(t, ingest.CloudWatchSNS, []byte(confirm)); err != nil || b.Confirm != subscribe || b.Verify.Check(a.cert, t0) != nil {
		t.Errorf("confirmation: got %+v, %v", b, err)
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(confirm), &m); err != nil {
		t.Fatal(err)
	}
	m["SubscribeURL"] = "https://169.254.169.254/latest/meta-data"
	bad, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, ingest.CloudWatchSNS, bad); errs.KindOf(err) != errs.Denied {
		t.Errorf("inside: got %v, want Denied", err)
	}
}

func TestJudge(t *testing.T) {
	src := ingest.Source{Name: "backup", Kind: ingest.Heartbeat, Every: ingest.Duration(time.Hour), Silence: "page", WatchedAt: t0}
	for _, tt := range []struct {
		name                 string
		heard, silent, watch time.Duration // after t0; 0: never
		now, started         time.Duration
		want                 string
	}{
		{"young", 0, 0, 0, 59 * time.Minute, 0, ""},
		{"never heard", 0, 0, 0, time.Hour, 0, "fires"},
		{"heard", 30 * time.Minute, 0, 0, 89 * time.Minute, 0, ""},
		{"silent", 30 * time.Minute, 0, 0, 90 * time.Minute, 0, "fires"},
		{"said already", 30 * time.Minute, 90 * time.Minute, 0, 3 * time.Hour, 0, ""},
		{"heard again", 91 * time.Minute, 90 * time.Minute, 0, 92 * time.Minute, 0, "resolves"},
		{"just started, overdue: some grace", 30 * time.Minute, 0, 0, 5 * time.Hour, 5*time.Hour - time.Minute, ""},
		{"started a while ago", 30 * time.Minute, 0, 0, 5 * time.Hour, 5*time.Hour - 2*time.Minute, "fires"},
		{"watched anew", 30 * time.Minute, 0, 2 * time.Hour, 150 * time.Minute, 0, ""},
	} {
		s := src
		if tt.heard > 0 {
			s.HeardAt = t0.Add(tt.heard)
		}
		if tt.silent > 0 {
			s.SilentAt = t0.Add(tt.silent)
		}
		s.WatchedAt = t0.Add(tt.watch)
		sig, _, ok := s.Judge(t0.Add(tt.now), t0.Add(tt.started))
		got := ""
		if ok {
			got = map[bool]string{true: "fires", false: "resolves"}[sig.Firing]
			if err := sig.Validate(); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	src.PausedAt = t0
	if _, _, ok := src.Judge(t0.Add(9*time.Hour), t0); ok {
		t.Error("a source that is paused is not expected")
	}
}
