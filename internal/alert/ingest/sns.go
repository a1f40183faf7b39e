package ingest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // version 1 of the signatures of SNS is SHA-1; what is refused is what its certificate did not sign
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Signature is what a message of Amazon SNS is signed with.
type Signature struct {
	CertURL string // where its certificate is, at sns.<region>.amazonaws.com
	Version string // "1" is SHA-1, "2" is SHA-256
	Text    string // what is signed
	Value   []byte
}

type snsMessage struct {
	Type             string `json:"Type"`
	MessageID        string `json:"MessageId"`
	TopicArn         string `json:"TopicArn"`
	Subject          string `json:"Subject"`
	Message          string `json:"Message"`
	Timestamp        string `json:"Timestamp"`
	Token            string `json:"Token"`
	SubscribeURL     string `json:"SubscribeURL"`
	SignatureVersion string `json:"SignatureVersion"`
	Signature        string `json:"Signature"`
	SigningCertURL   string `json:"SigningCertURL"`
}

// cwAlarm is the message of a change of state of a CloudWatch alarm.
type cwAlarm struct {
	AlarmName        string `json:"AlarmName"`
	AlarmDescription string `json:"AlarmDescription"`
	AlarmArn         string `json:"AlarmArn"`
	AWSAccountID     string `json:"AWSAccountId"`
	NewStateValue    string `json:"NewStateValue"`
	NewStateReason   string `json:"NewStateReason"`
	OldStateValue    string `json:"OldStateValue"`
	StateChangeTime  string `json:"StateChangeTime"`
	Region           string `json:"Region"`
	Trigger          struct {
		MetricName         string `json:"MetricName"`
		Namespace          string `json:"Namespace"`
		Statistic          string `json:"Statistic"`
		ComparisonOperator string `json:"ComparisonOperator"`
		Threshold          any    `json:"Threshold"`
		Period             any    `json:"Period"`
		Dimensions         []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"Dimensions"`
	} `json:"Trigger"`
}

func parseSNS(src Source, d Delivery) (Batch, error) {
	if strings.EqualFold(d.header("X-Amz-Sns-Rawdelivery"), "true") {
		return Batch{}, errs.New(errs.Invalid, "raw message delivery leaves the signature out: turn it off in the subscription")
	}
	var m snsMessage
	if err := decode(d.Body, &m); err != nil {
		return Batch{}, err
	}
	sig, err := m.signature()
	if err != nil {
		return Batch{}, err
	}
	b := Batch{Verify: &sig}
	switch m.Type {
	case "SubscriptionConfirmation":
		if !snsAddress(m.SubscribeURL) {
			return Batch{}, errs.New(errs.Denied, "SubscribeURL: only https://sns.<region>.amazonaws.com is followed")
		}
		b.Confirm = m.SubscribeURL
		b.note("subscription to %s", clip(clean(m.TopicArn), 300))
		return b, nil
	case "UnsubscribeConfirmation":
		b.note("%s does not send here any more", clip(clean(m.TopicArn), 300))
		return b, nil
	case "Notification":
	default:
		return Batch{}, errs.New(errs.Invalid, "Type: %q is none of Notification, SubscriptionConfirmation, UnsubscribeConfirmation", clip(m.Type, 60))
	}
	var a cwAlarm
	if err := member([]byte(m.Message), "Message", &a); err != nil || a.AlarmName == "" {
		if err == nil {
			err = errs.New(errs.Invalid, "Message.AlarmName: missing: only changes of state of CloudWatch alarms are read")
		}
		return Batch{}, err
	}
	s, err := a.signal(src, m, d.At)
	if err != nil {
		return Batch{}, err
	}
	if s.Source == "" {
		b.note("alarm %s has insufficient data, and does not say that this is wrong", clip(clean(a.AlarmName), 200))
		return b, nil
	}
	b.add("Message", s)
	return b, nil
}

// signature is what m is signed with; Denied where it is not, or by a stranger.
func (m snsMessage) signature() (Signature, error) {
	fields := [][2]string{{"Message", m.Message}, {"MessageId", m.MessageID}}
	if m.Type == "Notification" {
		if m.Subject != "" {
			fields = append(fields, [2]string{"Subject", m.Subject})
		}
	} else {
		fields = append(fields, [2]string{"SubscribeURL", m.SubscribeURL})
	}
	fields = append(fields, [2]string{"Timestamp", m.Timestamp})
	if m.Type != "Notification" {
		fields = append(fields, [2]string{"Token", m.Token})
	}
	fields = append(fields, [2]string{"TopicArn", m.TopicArn}, [2]string{"Type", m.Type})
	var text strings.Builder
	for _, f := range fields {
		text.WriteString(f[0] + "\n" + f[1] + "\n")
	}
	value, err := base64.StdEncoding.DecodeString(m.Signature)
	switch {
	case err != nil || len(value) == 0:
		return Signature{}, errs.New(errs.Denied, "Signature: missing or not base64")
	case m.SignatureVersion != "1" && m.SignatureVersion != "2":
		return Signature{}, errs.New(errs.Denied, "SignatureVersion: %q is neither 1 nor 2", clip(m.SignatureVersion, 20))
	case !snsAddress(m.SigningCertURL) || !strings.HasSuffix(m.SigningCertURL, ".pem"):
		return Signature{}, errs.New(errs.Denied, "SigningCertURL: only a .pem at https://sns.<region>.amazonaws.com is believed")
	}
	return Signature{CertURL: m.SigningCertURL, Version: m.SignatureVersion, Text: text.String(), Value: value}, nil
}

var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?$`)

// snsAddress reports whether u is an address of Amazon SNS itself.
func snsAddress(u string) bool {
	parsed, err := url.Parse(u)
	return err == nil && parsed.Scheme == "https" && parsed.User == nil && snsHost.MatchString(parsed.Host) && len(u) <= 2048
}

// Check says whether s was made with the key of the certificate in certPEM:
// Denied where it was not.
func (s Signature) Check(certPEM []byte, now time.Time) error {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return errs.New(errs.Denied, "the certificate of the signature is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return errs.New(errs.Denied, "the certificate of the signature: %w", err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errs.New(errs.Denied, "the certificate of the signature is not RSA's")
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return errs.New(errs.Denied, "the certificate of the signature is not valid at %s", now.UTC().Format(time.RFC3339))
	}
	h := sha256.Sum256([]byte(s.Text))
	kind, sum := crypto.SHA256, h[:]
	if s.Version == "1" {
		old := sha1.Sum([]byte(s.Text)) //nolint:gosec // see the import
		kind, sum = crypto.SHA1, old[:]
	}
	if rsa.VerifyPKCS1v15(key, kind, sum, s.Value) != nil {
		return errs.New(errs.Denied, "the signature is not of this message")
	}
	return nil
}

// signal is what an alarm says; one without a source says nothing.
func (a cwAlarm) signal(src Source, m snsMessage, now time.Time) (alert.Signal, error) {
	var firing bool
	switch a.NewStateValue {
	case "ALARM":
		firing = true
	case "OK":
	case "INSUFFICIENT_DATA":
		return alert.Signal{}, nil
	default:
		return alert.Signal{}, errs.New(errs.Invalid, "Message.NewStateValue: %q is none of ALARM, OK, INSUFFICIENT_DATA", clip(a.NewStateValue, 40))
	}
	changed, err := time.Parse("2006-01-02T15:04:05.999-0700", a.StateChangeTime)
	if err != nil {
		changed = time.Time{}
	}
	labels := map[string]string{"account": a.AWSAccountID, "region": a.Region, "namespace": a.Trigger.Namespace, "metric": a.Trigger.MetricName}
	for i, dim := range a.Trigger.Dimensions {
		if i < 32 {
			labels["dimension_"+clip(dim.Name, 200)] = clip(dim.Value, 500)
		}
	}
	s := alert.Signal{
		Firing: firing, Source: src.Name, Service: src.Service, Rule: clip(a.AlarmName, 200), Key: first(a.AlarmArn, a.Region+"/"+a.AWSAccountID),
		Severity: src.Severity, Labels: labels, At: at(changed, now), Summary: first(a.AlarmDescription, a.NewStateReason, m.Subject, a.AlarmName),
		Annotations: map[string]string{"reason": clip(a.NewStateReason, 4096), "description": clip(a.AlarmDescription, 4096), "alarm_arn": a.AlarmArn, "topic_arn": m.TopicArn},
	}
	if t := a.Trigger; t.MetricName != "" {
		s.Expr = fmt.Sprintf("%s(%s) %s %v", t.Statistic, t.MetricName, t.ComparisonOperator, t.Threshold)
	}
	if a.Region != "" && strings.HasPrefix(a.AlarmArn, "arn:aws:cloudwatch:") {
		region := strings.Split(a.AlarmArn, ":")[3]
		s.URL = "https://" + region + ".console.aws.amazon.com/cloudwatch/home?region=" + url.QueryEscape(region) + "#alarmsV2:alarm/" + url.PathEscape(a.AlarmName)
	}
	s.ID = signalID(src.Name, a.AlarmArn, a.AlarmName, a.NewStateValue, a.StateChangeTime)
	if a.StateChangeTime == "" {
		s.ID = signalID(src.Name, m.MessageID, a.AlarmName, a.NewStateValue)
	}
	return s, nil
}

// rawText is a JSON value as text, for what is only shown.
func rawText(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	return textOf(raw)
}
