// Command freshet is a SQL streaming database: node, shell and tools in one binary.
package main

import (
	"os"
	_ "time/tzdata" // time zones on machines that have no files of them

	"github.com/freshetdb/freshet/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})) }
