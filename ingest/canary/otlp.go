package canary

import "strings"

func (f *filler) signal(name, payload string) {
	f.add(200, "/v1/"+name+"?sentry_key=$KEY", "application/json", f.fill(payload))
}

func (f *filler) otlp() {
	kv := `[{"key":"http.request.header.x-note","value":{"arrayValue":{"values":[{"stringValue":$TEXT}]}}},{"key":"note","value":{"stringValue":$TEXT}},{"key":"list","value":{"arrayValue":{"values":[{"stringValue":$TEXT}]}}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":$TEXT}}]}}}]`
	scope := `"scope":{"name":$TEXT,"version":$TEXT,"attributes":` + kv + `}`
	resource := `"resource":{"attributes":` + strings.TrimSuffix(kv, "]") + `,{"key":"service.name","value":{"stringValue":$TEXT}},{"key":"service.version","value":{"stringValue":$TEXT}},{"key":"deployment.environment.name","value":{"stringValue":$TEXT}},{"key":"host.name","value":{"stringValue":$TEXT}},{"key":"telemetry.sdk.name","value":{"stringValue":$TEXT}},{"key":"telemetry.sdk.version","value":{"stringValue":$TEXT}}]}`
	thrown := `[{"key":"exception.type","value":{"stringValue":"A"}},{"key":"exception.message","value":{"stringValue":$TEXT}},{"key":"exception.stacktrace","value":{"stringValue":$TEXT}}]`
	f.signal("traces", `{"resourceSpans":[{`+resource+`,"scopeSpans":[{`+scope+`,"spans":[{"traceId":"$ID","spanId":"$SPAN","name":$TEXT,"traceState":$TEXT,"attributes":`+kv+`,"status":{"code":2,"message":$TEXT},
		"events":[{"name":"exception","attributes":`+thrown+`},{"name":$TEXT,"attributes":`+kv+`}],"links":[{"traceId":"$ID","spanId":"$SPAN","attributes":`+kv+`}]}]}]}]}`)
	f.signal("logs", `{"resourceLogs":[{`+resource+`,"scopeLogs":[{`+scope+`,"logRecords":[{"severityNumber":17,"severityText":$TEXT,"eventName":$TEXT,"body":{"stringValue":$TEXT},"attributes":`+thrown+`},
		{"severityNumber":9,"body":{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":$TEXT}}]}},"attributes":`+kv+`}]}]}]}`)
	secretHeaders := `[{"key":"http.request.header.authorization","value":{"arrayValue":{"values":[{"stringValue":"` + Whole + `"}]}}},{"key":"http.request.header.x_api_key","value":{"stringValue":"` + Whole + `"}},{"key":"http.request.header.cookie","value":{"arrayValue":{"values":[{"stringValue":"sessionid=` + Whole + `; a=b"}]}}},{"key":"http.response.header.set-cookie","value":{"arrayValue":{"values":[{"stringValue":"sessionid=` + Whole + `; Path=/"},{"stringValue":"csrftoken=` + Whole + `"}]}}},{"key":"headers","value":{"kvlistValue":{"values":[{"key":"Authorization","value":{"stringValue":"` + Whole + `"}}]}}}]`
	f.signal("traces", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"$ID","spanId":"$SPAN","name":"x","attributes":`+secretHeaders+`}]}]}]}`)
	f.signal("logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":17,"body":{"kvlistValue":{"values":[{"key":"password","value":{"stringValue":"`+Whole+`"}}]}},"attributes":`+secretHeaders+`}]}]}]}`)
	f.signal("metrics", `{"resourceMetrics":[{`+resource+`,"scopeMetrics":[{`+scope+`,"metrics":[{"name":$TEXT,"unit":$TEXT,"description":$TEXT,"gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"$NANO","attributes":`+kv+`,"exemplars":[{"asInt":"1","filteredAttributes":`+kv+`}]}]}}]}]}]}`)
}
