package ast

func (p *printer) drop(s *Drop) {
	p.put("DROP ", string(s.Kind), " ")
	p.flag(s.Concurrently, "CONCURRENTLY ")
	p.flag(s.IfExists, "IF EXISTS ")
	p.list(len(s.Names), func(i int) {
		p.put(s.Names[i].String())
		p.signature(s.Args[i])
	})
	p.name(" ON ", s.On)
	p.flag(s.DeleteTopic, " DELETE TOPIC")
	p.flag(s.Cascade, " CASCADE")
	p.flag(s.Restrict, " RESTRICT")
}

func (p *printer) signature(list []*TypeName) {
	if list == nil {
		return
	}
	p.put("(")
	p.list(len(list), func(i int) { p.typeName(list[i]) })
	p.put(")")
}

func (p *printer) alter(s *Alter) {
	p.put("ALTER ", string(s.Kind), " ")
	p.flag(s.IfExists, "IF EXISTS ")
	p.put(s.Name.String())
	p.signature(s.Args)
	p.put(" ")
	p.list(len(s.Actions), func(i int) { p.alterAction(s.Actions[i]) })
}

func (p *printer) alterAction(a AlterAction) {
	switch a.Kind {
	case AlterAddColumn:
		p.put("ADD COLUMN ")
		p.flag(a.IfExists, "IF NOT EXISTS ")
		p.column(a.Column)
	case AlterDropColumn, AlterDropConstraint:
		p.put(string(a.Kind), " ")
		p.flag(a.IfExists, "IF EXISTS ")
		p.put(FormatIdent(a.Name))
		p.flag(a.Cascade, " CASCADE")
	case AlterRename, AlterOwner, AlterSetSchema, AlterSwap:
		p.put(string(a.Kind), " ", a.NewName.String())
	case AlterRenameColumn, AlterRenameOther:
		p.put(string(a.Kind), " ", FormatIdent(a.Name), " TO ", a.NewName.String())
	case AlterAddConstraint:
		p.put("ADD ")
		p.constraint(*a.Constraint)
	case AlterSet, AlterReset:
		p.alterSetting(a)
	case AlterOther:
		if a.Name.Given() {
			p.put("ALTER COLUMN ", FormatIdent(a.Name), " ")
		}
		p.put(a.Words)
	default:
		p.alterColumn(a)
	}
}

func (p *printer) alterColumn(a AlterAction) {
	p.put("ALTER COLUMN ", FormatIdent(a.Name), " ")
	if a.Kind == AlterColumnType {
		p.put("TYPE ")
		p.typeName(a.Type)
		p.clause(" USING ", a.Expr)
		return
	}
	p.put(string(a.Kind))
	p.clause(" ", a.Expr)
}

func (p *printer) alterSetting(a AlterAction) {
	switch {
	case a.Options == nil && a.NewName == nil:
		p.put("RESET ALL")
	case a.Options == nil:
		p.put("RESET ", a.NewName.String())
	default:
		p.properties(string(a.Kind)+" ", a.Options)
	}
}

func (p *printer) grant(s *Grant) {
	p.put(map[bool]string{false: "GRANT ", true: "REVOKE "}[s.Revoke])
	p.flag(s.Revoke && s.GrantOption, "GRANT OPTION FOR ")
	p.list(len(s.Privileges), func(i int) {
		p.put(FormatIdent(s.Privileges[i].Name))
		p.clause(" ", s.Privileges[i].Value)
	})
	switch {
	case s.AllIn && s.Kind == MaterializedView:
		p.put(" ON ALL MATERIALIZED VIEWS IN SCHEMA ")
	case s.AllIn:
		p.put(" ON ALL ", string(s.Kind), "S IN SCHEMA ")
	case s.Kind != "":
		p.put(" ON ", string(s.Kind), " ")
	}
	p.names(s.Names)
	p.put(map[bool]string{false: " TO ", true: " FROM "}[s.Revoke])
	p.idents(s.Roles)
	p.flag(!s.Revoke && s.GrantOption, " WITH GRANT OPTION")
	p.ident(" GRANTED BY ", s.GrantedBy)
	p.flag(s.Cascade, " CASCADE")
}
