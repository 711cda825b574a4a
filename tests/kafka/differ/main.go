// Program differ asks a Freshet and an Apache Kafka the same and compares what they answer: the cases of its scripts, and requests made up
// from a seed. What no two brokers have in common (ids, ports, times, the text of messages) is masked; all else must agree, or stand in
// accepted.txt with the reason. A line of that file that nothing needs any more is a failure too, so that it can only shrink.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

//go:embed scripts/*.txt accepted.txt
var files embed.FS

type options struct {
	kafka, freshet string
	only           *regexp.Regexp
	random         int
	seed           uint64
	verbose        bool
	dump           bool
}

func main() {
	var o options
	flag.StringVar(&o.kafka, "kafka", "", "address of the Kafka broker")
	flag.StringVar(&o.freshet, "freshet", "", "address of the Freshet node")
	only := flag.String("only", "", "play the cases of this pattern only, FILE/NAME; unused lines of accepted.txt do not matter then")
	flag.IntVar(&o.random, "random", 0, "cases to make up")
	flag.Uint64Var(&o.seed, "seed", 0, "what they are made from; 0 is the time")
	flag.BoolVar(&o.verbose, "v", false, "accepted differences are shown too")
	flag.BoolVar(&o.dump, "dump", false, "Kafka's answers are shown")
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	ok, err := run(o, os.Stdout)
	if err != nil {
		fmt.Println("FAIL differ", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(o options, out io.Writer) (bool, error) {
	cases, err := readCases()
	if err != nil {
		return false, err
	}
	cases = append(cases, madeUp(o.seed, o.random)...)
	list, err := files.Open("accepted.txt")
	if err != nil {
		return false, err
	}
	known, err := parseAccepted(list)
	if err != nil {
		return false, fmt.Errorf("accepted.txt: %w", err)
	}
	if _, err := served(o.kafka); err != nil {
		return false, fmt.Errorf("the Kafka broker: %w", err)
	}
	versions, err := served(o.freshet)
	if err != nil {
		return false, err
	}
	g := &game{options: o, out: out, known: known, versions: versions, run: "r" + strconv.FormatUint(uint64(rand.Uint32()), 36), covered: map[string]bool{}}
	for _, c := range cases {
		if o.only.MatchString(c.file + "/" + c.name) {
			g.play(c)
		}
	}
	g.finish()
	return g.failed == 0, nil
}

func readCases() ([]scripted, error) {
	var out []scripted
	names, err := fs.Glob(files, "scripts/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := files.Open(name)
		if err != nil {
			return nil, err
		}
		cases, err := parseScript(strings.TrimSuffix(strings.TrimPrefix(name, "scripts/"), ".txt"), f)
		if err != nil {
			return nil, err
		}
		out = append(out, cases...)
	}
	return out, nil
}

// served are the versions of every API that a broker serves.
func served(broker string) (map[int16][2]int16, error) {
	c := &conn{broker: broker}
	defer c.hangUp()
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(3)
	req.ClientSoftwareName, req.ClientSoftwareVersion = clientID, "1"
	resp, err := c.ask(req)
	if err != nil {
		return nil, err
	}
	out := map[int16][2]int16{}
	for _, k := range resp.(*kmsg.ApiVersionsResponse).ApiKeys {
		out[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	return out, nil
}

// game is a run of all cases.
type game struct {
	options
	out           io.Writer
	known         []*accepted
	versions      map[int16][2]int16
	run           string
	failed, steps int
	covered       map[string]bool // APIs with their versions that were asked
	differed, let int
}

func (g *game) play(c scripted) {
	players := [2]*player{
		newPlayer("kafka", g.kafka, g.run, c.file+"-"+c.name, g.versions),
		newPlayer("freshet", g.freshet, g.run, c.file+"-"+c.name, g.versions),
	}
	var errs [2]error
	var wg sync.WaitGroup
	for i, p := range players {
		wg.Go(func() { errs[i] = p.play(c) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		g.failed++
		fmt.Fprintf(g.out, "FAIL %s/%s %v\n", c.file, c.name, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	g.steps += len(players[0].steps)
	for _, s := range players[0].steps {
		api, rest, _ := strings.Cut(s.title, " ")
		version, _, _ := strings.Cut(rest, " ")
		g.covered[api+" "+version] = true
		if g.dump {
			fmt.Fprintf(g.out, "     %d %s\n", s.number, s.title)
			for _, l := range s.lines {
				fmt.Fprintf(g.out, "          %s = %s\n", l.path, l.text)
			}
		}
	}
	g.judge(c, differences(c, players[0].steps, players[1].steps))
}

// judge prints a line for a case, and those differences that are not accepted.
func (g *game) judge(c scripted, found []difference) {
	var bad []difference
	for _, d := range found {
		if a := g.accept(d); a == nil {
			bad = append(bad, d)
		} else if g.let++; g.verbose {
			fmt.Fprintf(g.out, "     accepted: %s (%s)\n", d, a.reason)
		}
	}
	if len(bad) == 0 {
		fmt.Fprintf(g.out, "OK   %s/%s\n", c.file, c.name)
		return
	}
	g.failed++
	g.differed += len(bad)
	fmt.Fprintf(g.out, "FAIL %s/%s %d differences\n", c.file, c.name, len(bad))
	times, first := map[string]int{}, []difference{}
	for _, d := range bad {
		if times[d.essence()]++; times[d.essence()] == 1 {
			first = append(first, d)
		}
	}
	for _, d := range first {
		fmt.Fprintf(g.out, "     %d times: %s\n", times[d.essence()], d)
	}
}

func (g *game) accept(d difference) *accepted {
	for _, a := range g.known {
		if a.matches(d) {
			a.used = true
			return a
		}
	}
	return nil
}

// finish says what was asked, and which lines of accepted.txt are not needed any more.
func (g *game) finish() {
	whole := g.only.String() == ""
	for _, a := range g.known {
		if whole && !a.used && !a.byChance() {
			g.failed++
			fmt.Fprintf(g.out, "FAIL accepted.txt no such difference any more: %s\n", strings.Join(a.parts[:], " | "))
		}
	}
	if whole {
		g.coverage()
	}
	fmt.Fprintf(g.out, "     %d answers compared, %d differences accepted, %d not; seed %d\n", g.steps, g.let, g.differed, g.seed)
}

// coverage fails for every version of an API that no case asks.
func (g *game) coverage() {
	var missing []string
	for key, span := range g.versions {
		for v := span[0]; v <= span[1]; v++ {
			name := fmt.Sprintf("%s v%d", kmsg.NameForKey(key), v)
			if req := kmsg.RequestForKey(key); req == nil || v > req.MaxVersion() || g.covered[name] || uncovered[name] {
				continue
			}
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		g.failed++
		fmt.Fprintf(g.out, "FAIL coverage no case asks %s\n", strings.Join(missing, ", "))
		return
	}
	fmt.Fprintln(g.out, "OK   coverage every API in every version")
}

// uncovered are versions that are shown for old clients' sake and refused.
var uncovered = map[string]bool{"Produce v0": true, "Produce v1": true, "Produce v2": true}
