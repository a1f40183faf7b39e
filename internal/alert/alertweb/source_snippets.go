package alertweb

import (
	"fmt"

	"github.com/hinoban/hinoban/internal/alert/ingest"
)

// Snippet is a text to paste at a sender.
type Snippet struct {
	Name string `json:"name"` // where it goes
	Text string `json:"text"`
}

// sourceURL is where a source's sender posts.
func sourceURL(base string, kind ingest.Kind, key string) string {
	switch kind {
	case ingest.Heartbeat:
		return base + "/hb/" + key
	case ingest.PagerDuty:
		return base + "/v2/enqueue"
	case ingest.Opsgenie:
		return base + "/v2/alerts"
	case ingest.CloudWatchStream:
		return base + "/ingest/cloudwatch-stream"
	case ingest.Alertmanager, ingest.Grafana, ingest.Datadog, ingest.CloudWatchSNS, ingest.Sentry, ingest.Mackerel, ingest.IncidentIO, ingest.Generic:
	}
	return base + "/ingest/" + string(kind) + "/" + key
}

const datadogTemplate = `{
  "id": "$ID",
  "alert_id": "$ALERT_ID",
  "aggreg_key": "$AGGREG_KEY",
  "title": "$EVENT_TITLE",
  "alert_title": "$ALERT_TITLE",
  "transition": "$ALERT_TRANSITION",
  "alert_type": "$ALERT_TYPE",
  "priority": "$ALERT_PRIORITY",
  "status": "$ALERT_STATUS",
  "scope": "$ALERT_SCOPE",
  "query": "$ALERT_QUERY",
  "metric": "$ALERT_METRIC",
  "body": "$TEXT_ONLY_MSG",
  "tags": "$TAGS",
  "host": "$HOSTNAME",
  "link": "$LINK",
  "snapshot": "$SNAPSHOT",
  "date": "$DATE"
}`

// snippets are what to paste at the sender of a source, with what proves that it works.
func snippets(base string, kind ingest.Kind, key string) []Snippet {
	to := sourceURL(base, kind, key)
	switch kind {
	case ingest.Alertmanager:
		return []Snippet{{"alertmanager.yml", fmt.Sprintf(`route:
  receiver: hinoban
receivers:
  - name: hinoban
    webhook_configs:
      - url: %s
        send_resolved: true
        max_alerts: 0
`, to)}}
	case ingest.IncidentIO:
		return []Snippet{{"alertmanager.yml", fmt.Sprintf(`receivers:
  - name: hinoban
    incidentio_configs:
      - url: %s
        alert_source_token: %s
`, base+"/ingest/incidentio", key)}}
	case ingest.Grafana:
		return []Snippet{{"provisioning/alerting/hinoban.yaml", fmt.Sprintf(`apiVersion: 1
contactPoints:
  - orgId: 1
    name: hinoban
    receivers:
      - uid: hinoban
        type: webhook
        settings:
          url: %s
          httpMethod: POST
`, to)}}
	case ingest.PagerDuty:
		return []Snippet{{"alertmanager.yml", fmt.Sprintf(`global:
  pagerduty_url: %s
receivers:
  - name: hinoban
    pagerduty_configs:
      - routing_key: %s
`, to, key)}, {"curl", fmt.Sprintf(`curl -sS %s -H 'Content-Type: application/json' -d '{
  "routing_key": "%s", "event_action": "trigger", "dedup_key": "orders-stuck",
  "payload": {"summary": "12 orders wait longer than 10 minutes", "source": "checkout", "severity": "warning"}
}'`, to, key)}, {"curl /v2/change/enqueue", fmt.Sprintf(`curl -sS %s/v2/change/enqueue -H 'Content-Type: application/json' -d '{
  "routing_key": "%s", "payload": {"summary": "build 42", "source": "checkout"}
}'`, base, key)}}
	case ingest.Opsgenie:
		return opsgenieSnippets(base, key)
	case ingest.Datadog:
		return []Snippet{{"URL", to}, {"Payload", datadogTemplate}}
	case ingest.CloudWatchSNS:
		return []Snippet{{"aws", fmt.Sprintf(`aws sns subscribe --topic-arn arn:aws:sns:REGION:ACCOUNT:TOPIC --protocol https \
  --notification-endpoint %s
aws sns set-topic-attributes --topic-arn arn:aws:sns:REGION:ACCOUNT:TOPIC \
  --attribute-name SignatureVersion --attribute-value 2`, to)}}
	case ingest.CloudWatchStream:
		return []Snippet{{"aws", fmt.Sprintf(`aws firehose create-delivery-stream --delivery-stream-name hinoban --http-endpoint-destination-configuration '{
  "EndpointConfiguration": {"Url": "%s", "Name": "hinoban", "AccessKey": "%s"},
  "RequestConfiguration": {"ContentEncoding": "GZIP"}, "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
  "RoleARN": "arn:aws:iam::ACCOUNT:role/firehose", "S3BackupMode": "FailedDataOnly",
  "S3Configuration": {"RoleARN": "arn:aws:iam::ACCOUNT:role/firehose", "BucketARN": "arn:aws:s3:::BUCKET"}
}'
aws cloudwatch put-metric-stream --name hinoban --output-format opentelemetry1.0 \
  --firehose-arn arn:aws:firehose:REGION:ACCOUNT:deliverystream/hinoban --role-arn arn:aws:iam::ACCOUNT:role/metric-stream`, to, key)}}
	case ingest.Sentry:
		return []Snippet{{"Webhook URL", to}}
	case ingest.Mackerel:
		return []Snippet{{"Webhook URL", to}}
	case ingest.Generic:
		return []Snippet{{"curl", fmt.Sprintf(`curl -sS %s -H 'Content-Type: application/json' -d '{
  "rule": "orders-stuck", "service": "checkout", "severity": "ticket",
  "summary": "12 orders wait longer than 10 minutes", "status": "firing"
}'`, to)}}
	case ingest.Heartbeat:
		return []Snippet{{"cron", fmt.Sprintf("*/5 * * * * /usr/local/bin/backup && curl -fsS -m 10 --retry 3 %s", to)}}
	}
	return nil
}

// opsgenieSnippets are what to paste at a client of Opsgenie's.
func opsgenieSnippets(base, key string) []Snippet {
	to := sourceURL(base, ingest.Opsgenie, key)
	return []Snippet{{"alertmanager.yml", fmt.Sprintf(`global:
  opsgenie_api_url: %s/
  opsgenie_api_key: %s
receivers:
  - name: hinoban
    opsgenie_configs:
      - priority: P1
        update_alerts: true
`, base, key)}, {"curl", fmt.Sprintf(`curl -sS %s -H 'Authorization: GenieKey %s' -H 'Content-Type: application/json' -d '{
  "message": "12 orders wait longer than 10 minutes", "alias": "orders-stuck", "entity": "checkout", "priority": "P3"
}'`, to, key)}, {"curl close", fmt.Sprintf(`curl -sS '%s/orders-stuck/close?identifierType=alias' -H 'Authorization: GenieKey %s' -H 'Content-Type: application/json' -d '{}'`, to, key)}}
}
