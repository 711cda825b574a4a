package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

// sorted is a sorted copy.
func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// node is a running node, asked for what it serves.
type node struct {
	server *server.Server
	dir    string
}

func startNode(ctx context.Context) (*node, error) {
	dir, err := os.MkdirTemp("", "freshet-generate-")
	if err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.DataDir = dir
	cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	s, err := server.Start(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &node{s, dir}, nil
}

func (n *node) close() {
	_ = n.server.Close()
	_ = os.RemoveAll(n.dir)
}

// writeAPIs asks the node with ApiVersions, as clients do.
func (n *node) writeAPIs(ctx context.Context, w io.Writer) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(n.server.Addresses().Kafka))
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "generate", "1"
	answer, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	fmt.Fprint(w, `# Kafka APIs

Generated from a node's answer to `+"`ApiVersions`"+`. Every version in a range is served. What is not in the table (share groups, Streams groups,
delegation tokens, telemetry, moving replicas between directories) is not there: a request for it closes the connection, as in Kafka, and clients that ask first
say so themselves.

| key | API | versions | |
|---|---|---|---|
`)
	slices.SortFunc(answer.ApiKeys, func(a, b kmsg.ApiVersionsResponseApiKey) int { return int(a.ApiKey) - int(b.ApiKey) })
	for _, k := range answer.ApiKeys {
		fmt.Fprintf(w, "| %d | %s | %d to %d | %s |\n", k.ApiKey, apiName(k.ApiKey), k.MinVersion, k.MaxVersion, apiNotes[kmsg.Key(k.ApiKey)])
	}
	return nil
}

// apiName is an API's name in Kafka's documentation, where kmsg spells two differently.
func apiName(key int16) string {
	switch kmsg.Key(key) {
	case kmsg.InitProducerID:
		return "InitProducerId"
	case kmsg.AlterPartitionAssignments:
		return "AlterPartitionReassignments"
	}
	return kmsg.NameForKey(key)
}

// writeMetrics reads /metrics of the node, which has served a Kafka request by then.
func (n *node) writeMetrics(ctx context.Context, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.server.Addresses().HTTP+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Fprint(w, `# Metrics

Generated from `+"`GET /metrics`"+` (Prometheus text format) of a new node. Besides these there are the Go runtime's (`+"`go_*`"+`) and the process's (`+"`process_*`"+`).

| metric | type | meaning |
|---|---|---|
`)
	help := map[string]string{}
	scan := bufio.NewScanner(resp.Body)
	for scan.Scan() {
		words := strings.SplitN(scan.Text(), " ", 4)
		if len(words) < 4 || words[0] != "#" || !strings.HasPrefix(words[2], "freshet_") {
			continue
		}
		switch words[1] {
		case "HELP":
			help[words[2]] = words[3]
		case "TYPE":
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", words[2], words[3], cell(help[words[2]]))
		}
	}
	return scan.Err()
}
