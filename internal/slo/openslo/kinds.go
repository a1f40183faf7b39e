package openslo

import (
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Kinds are the documents that are read, but for Service, which is the catalog's.
func Kinds() []ascode.Kind {
	out := versionKinds(V1, func(example string) string { return example })
	out = append(out, versionKinds(V2Alpha, toV2)...)
	return append(out,
		ascode.Define(V1Alpha, "SLO", "A promise, in the first form of OpenSLO.", alphaExample, func(e ascode.Envelope[AlphaSLOSpec]) []ascode.FieldError {
			r, spec := fromAlpha(shelf{}, e.Spec)
			r.read(e.Metadata, spec)
			return r.inAlpha(r.alone)
		}),
	)
}

// versionKinds are the kinds that v1 and v2alpha share.
func versionKinds(version string, example func(string) string) []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(version, "DataSource", "Where metrics come from.", example(dataSourceExample), func(e ascode.Envelope[DataSourceSpec]) []ascode.FieldError {
			if !strings.EqualFold(e.Spec.Type, "prometheus") {
				return []ascode.FieldError{ascode.Notef("spec.type", "write type: Prometheus", "SLIs of a data source of type %q are not read", e.Spec.Type)}
			}
			return nil
		}),
		ascode.Define(version, "SLI", "How good and total events are counted.", example(sliExample), func(e ascode.Envelope[SLISpec]) []ascode.FieldError {
			r := &reader{version: version}
			r.sli("spec", e.Spec)
			return r.alone
		}),
		ascode.Define(version, "SLO", "A promise: which share of events must be good, over which window.", example(sloExample), func(e ascode.Envelope[SLOSpec]) []ascode.FieldError {
			r := &reader{version: version}
			r.read(e.Metadata, e.Spec)
			return r.alone
		}),
		ascode.Define(version, "AlertPolicy", "When a burn rate calls: its conditions hold at once.", example(policyExample), func(e ascode.Envelope[AlertPolicySpec]) []ascode.FieldError {
			r := &reader{version: version}
			r.policySpec("spec", e.Metadata.Name, e.Spec)
			if len(e.Spec.Targets) == 0 {
				r.note("spec", "add notificationTargets:, or leave it: here the rotas say who is told", "OpenSLO asks for notificationTargets")
			}
			return r.alone
		}),
		ascode.Define(version, "AlertCondition", "A burn rate over one window.", example(conditionExample), func(e ascode.Envelope[AlertConditionSpec]) []ascode.FieldError {
			r := &reader{version: version}
			r.conditionSpec("spec", e.Spec)
			return r.alone
		}),
		ascode.Define[TargetSpec](version, "AlertNotificationTarget", "Who is told, by other tools; here the rotas say it.", example(targetExample), nil),
	}
}

// toV2 writes an example of v1 as one of v2alpha.
func toV2(example string) string {
	return strings.NewReplacer(V1, V2Alpha, "indicatorRef", "sliRef", "metricSource: {spec: ", "spec: ", "'}}", "'}", ", displayName: Checkout answers", "").Replace(example)
}

const dataSourceExample = `apiVersion: openslo/v1
kind: DataSource
metadata: {name: prometheus}
spec: {type: Prometheus}
`

const sliExample = `apiVersion: openslo/v1
kind: SLI
metadata: {name: checkout-success}
spec:
  ratioMetric:
    counter: true
    bad:
      metricSource: {spec: {query: 'sum(http_requests_total{service="checkout",code=~"5.."})'}}
    total:
      metricSource: {spec: {query: 'sum(http_requests_total{service="checkout"})'}}
`

const sloExample = `apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-availability, displayName: Checkout answers}
spec:
  service: checkout
  indicatorRef: checkout-success
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{targetPercent: 99.9}]
`

const policyExample = `apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: quick}
spec:
  conditions:
  - {conditionRef: quick-long}
  - {kind: AlertCondition, spec: {severity: page, condition: {op: gte, threshold: 14.4, lookbackWindow: 5m}}}
  notificationTargets: [{targetRef: on-call}]
`

const conditionExample = `apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: quick-long}
spec:
  severity: page
  condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h}
`

const targetExample = `apiVersion: openslo/v1
kind: AlertNotificationTarget
metadata: {name: on-call}
spec: {target: rota}
`

const alphaExample = `apiVersion: openslo/v1alpha
kind: SLO
metadata: {name: search-availability}
spec:
  service: search
  budgetingMethod: Occurrences
  timeWindows: [{unit: Day, count: 30, isRolling: true}]
  objectives:
  - target: 0.99
    ratioMetrics:
      counter: true
      good: {source: prometheus, queryType: promql, query: 'sum(search_requests_total{code!~"5.."})'}
      total: {source: prometheus, queryType: promql, query: 'sum(search_requests_total)'}
`
