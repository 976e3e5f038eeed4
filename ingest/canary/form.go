package canary

import "strings"

// forms fills what is no envelope: reports of browsers, forms, files, check-ins.
func (f *filler) forms() {
	f.add(200, "/api/1/store/?sentry_key=$KEY", "application/json", f.fill(event(`"event_id":"$ID",`)))
	f.add(200, "/api/1/security/?sentry_key=$KEY&sentry_release=$FORM&sentry_environment=$FORM", "application/csp-report",
		f.fill(`{"csp-report":{"document-uri":"https://shop.example/?q=1","referrer":$TEXT,"blocked-uri":"https://x.example/?q=$FORM","source-file":$TEXT,"violated-directive":"img-src","effective-directive":$TEXT,"script-sample":$TEXT}}`))
	f.add(200, "/api/1/nel/?sentry_key=$KEY", "application/reports+json",
		f.fill(`[{"age":1,"type":"network-error","url":$TEXT,"user_agent":"x","body":{"type":"http.error","method":"GET","protocol":$TEXT,"phase":"application","server_ip":"1.2.3.4","status_code":500,"elapsed_time":1,"referrer":$TEXT,"sampling_fraction":1}}]`))
	f.add(200, "/api/1/security/?sentry_key=$KEY", "application/reports+json", f.fill(`[{"type":$TEXT,"url":$TEXT,"body":{"a":$TEXT}}]`))
	f.add(202, "/api/1/cron/job-$SPAN/$KEY/?status=ok&environment=$FORM", "application/json", "")
	f.add(202, "/api/1/cron/job-$SPAN/$KEY/", "application/json", f.fill(`{"status":"ok","environment":$TEXT,"monitor_config":{"schedule":{"type":"crontab","value":"* * * * *"},"timezone":$TEXT}}`))
	f.add(200, "/api/embed/error-page/?dsn=http%3A%2F%2F$KEY%40127.0.0.1%2F1&eventId=$ID", "application/x-www-form-urlencoded", f.fill("name=bob&email=bob%40x.example&comments=$FORM"))
	f.add(200, "/api/0/projects/o/p/user-feedback/?sentry_key=$KEY", "application/json", f.fill(`{"event_id":"$ID","name":"bob","email":"bob@x.example","comments":$TEXT}`))
	f.add(201, "/api/1/events/$ID/attachments/?sentry_key=$KEY", "multipart/form-data; boundary=b", f.form([2]string{`name="a"; filename="$RAW.txt"`, "x"}))
	f.add(200, "/api/1/minidump/?sentry_key=$KEY", "multipart/form-data; boundary=b", f.form([2]string{`name="upload_file_minidump"; filename="$RAW.dmp"`, "MDMP\x93\xa7\x00\x00" + strings.Repeat("\x00", 64)},
		[2]string{`name="sentry"`, event("")}, [2]string{`name="sentry[tags][a]"`, "$RAW"}, [2]string{`name="other"`, "$RAW"}))
}

func (f *filler) form(parts ...[2]string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--b\r\nContent-Disposition: form-data; " + f.fill(p[0]) + "\r\n\r\n" + f.fill(p[1]) + "\r\n")
	}
	return b.String() + "--b--\r\n"
}
