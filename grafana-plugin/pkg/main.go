// Command gpx_errata is the backend of the Errata data source: Grafana starts
// it and speaks gRPC to it.
package main

import (
	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"

	"errata/grafana-plugin/pkg/plugin"
)

func main() {
	if err := datasource.Manage("errata-errors-datasource", plugin.New, datasource.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("cannot serve the data source", "error", err)
		os.Exit(1)
	}
}
