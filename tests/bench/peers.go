package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// peerJob is how a job is called in the peers' harness: an engine's job, or a client's against the broker.
type peerJob struct {
	streams string   // Kafka Streams job
	client  []string // gobench arguments behind -brokers
	figure  string   // key of the harness's line that is comparable: the engine's or the broker's CPU
}

var peerJobs = map[string]peerJob{
	"q1":     {streams: "q1", figure: "steady_cpu_s_per_M"},
	"q2":     {streams: "q2", figure: "steady_cpu_s_per_M"},
	"tumble": {streams: "q5", figure: "steady_cpu_s_per_M"},
	"produce": {
		client: []string{"produce", "-topic", "load", "-n", strconv.Itoa(logRecords), "-size", strconv.Itoa(logBytes), "-acks", "all"},
		figure: "server_cpu_s_per_M",
	},
	"consume": {client: []string{"consume", "-topic", "load", "-n", strconv.Itoa(logRecords)}, figure: "server_cpu_s_per_M"},
}

// againstPeers runs the jobs on Kafka and Kafka Streams and prints how we compare. The first produce of a cold JVM is thrown away.
func (b *bench) againstPeers(ctx context.Context, jobs []string) error {
	kafka := filepath.Join(b.peers, "kafka", "kafka.sh")
	if out, err := exec.CommandContext(ctx, kafka, "start").CombinedOutput(); err != nil {
		return fmt.Errorf("start Kafka: %w: %s", err, out)
	}
	defer func() { _ = exec.Command(kafka, "stop").Run() }()
	brokers, err := exec.CommandContext(ctx, kafka, "bootstrap").Output()
	if err != nil {
		return err
	}
	pids, err := exec.CommandContext(ctx, kafka, "pids").Output()
	if err != nil {
		return err
	}
	p := &peer{bench: b, brokers: strings.TrimSpace(string(brokers)), pids: strings.TrimSpace(string(pids))}
	if err := b.gobench(ctx, "gen", "-brokers", p.brokers, "-n", strconv.FormatInt(b.bids, 10), "-parts", "2"); err != nil {
		return err
	}
	for _, job := range jobs {
		if err := p.compare(ctx, job); err != nil {
			return fmt.Errorf("%s on the peer: %w", job, err)
		}
	}
	return nil
}

type peer struct {
	bench         *bench
	brokers, pids string
	warmed        bool
}

func (p *peer) compare(ctx context.Context, job string) error {
	how, ok := peerJobs[job]
	if !ok {
		return nil
	}
	if how.client != nil && !p.warmed {
		for range 2 {
			if _, err := p.measure(ctx, "produce", peerJobs["produce"]); err != nil {
				return err
			}
		}
		p.warmed = true
	}
	line, err := p.measure(ctx, job, how)
	if err != nil {
		return err
	}
	theirs, ok := line[how.figure].(float64)
	if !ok {
		return fmt.Errorf("no %s in %v", how.figure, line)
	}
	for _, r := range p.bench.results {
		if r.Job == job {
			fmt.Printf(`{"job":%q,"ours_cpu_s_per_M":%g,"peer_cpu_s_per_M":%g,"ratio":%g,"peer":%q}`+"\n", job, r.CPUPerMillion, theirs, round(r.CPUPerMillion/theirs), p.name(how))
		}
	}
	return nil
}

func (p *peer) name(how peerJob) string {
	if how.streams != "" {
		return "kafka-streams-4.3.1"
	}
	return "kafka-4.3.1"
}

func (p *peer) measure(ctx context.Context, job string, how peerJob) (map[string]any, error) {
	topic := "out"
	parts := "2"
	if how.client != nil {
		topic, parts = "load", "1"
	}
	if job != "consume" {
		if err := p.bench.gobench(ctx, "create", "-brokers", p.brokers, "-topic", topic, "-parts", parts); err != nil {
			return nil, err
		}
	}
	args := []string{filepath.Join(p.bench.peers, "meas.py"), "--peer", p.name(how), "--job", job, "--pids", strings.ReplaceAll(p.pids, "\n", ","), "--timeout", "400", "--"}
	if how.streams != "" {
		args = append(args, filepath.Join(p.bench.peers, "streams", "run.sh"), how.streams, p.brokers, strconv.FormatInt(p.bench.bids, 10), "1", "rocksdb", "topic", "true")
	} else {
		args = append(args, filepath.Join(p.bench.peers, "bin", "gobench"), how.client[0], "-brokers", p.brokers)
		args = append(args, how.client[1:]...)
	}
	cmd := exec.CommandContext(ctx, "python3", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	fmt.Print(string(out))
	line := map[string]any{}
	return line, json.Unmarshal(out, &line)
}
