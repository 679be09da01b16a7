//! Conditions: CEL expressions that are compiled and checked once, and evaluated against [`Variables`].

use crate::expression::{self, Fault};
use crate::variables::Variables;
use baton_records::Id;
use cel::objects::Value;
use cel::{Context, Env, ExecutionError, ParseError, Program};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// Characters of a condition at most.
const LONGEST: usize = 1_000;
/// Brackets within each other at most.
const DEEPEST: usize = 16;

/// The standard functions; shared by all evaluations.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled CEL expression over the documented variables (see [`Variables`]).
#[derive(Clone)]
pub struct Condition {
    /// The expression as it stands in the file.
    pub text: Id,
    /// None: it always holds.
    program: Option<Arc<Program>>,
}

/// Why a condition could not be evaluated. It counts as one that does not hold; the caller reports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Two values do not fit each other.
    #[error("the condition `{condition}` failed: {why}; compare values of one kind")]
    Failed {
        /// The condition's text.
        condition: Id,
        /// What CEL says.
        why: String,
    },
    /// It gave something other than true or false.
    #[error("the condition `{condition}` gave neither true nor false; end it with a comparison")]
    NotTrueOrFalse {
        /// The condition's text.
        condition: Id,
    },
}

impl Condition {
    /// Returns the condition that always holds.
    pub fn always() -> Self {
        Self { text: Id::new_static("true"), program: None }
    }

    /// Compiles an expression for tests and tools.
    ///
    /// # Errors
    /// Says all that is wrong with it, in one text.
    pub fn parse(text: &str) -> Result<Self, String> {
        compile(text).map(|(condition, _)| condition).map_err(|faults| {
            faults.into_iter().map(|fault| format!("{}; {}", fault.what, fault.mend)).collect::<Vec<_>>().join("; ")
        })
    }

    /// Says whether the condition holds. Where it looks at a number or an attribute that is missing, or at an event,
    /// request or conversation where there is none, it does not.
    ///
    /// # Errors
    /// Values that cannot be compared, such as an attribute that is a list with a number.
    pub fn holds(&self, variables: &Variables<'_>) -> Result<bool, ConditionError> {
        let Some(program) = &self.program else { return Ok(true) };
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(variables);
        match program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(ConditionError::NotTrueOrFalse { condition: self.text.clone() }),
            Err(ExecutionError::NoSuchKey(_) | ExecutionError::UndeclaredReference(_)) => Ok(false),
            Err(error) => Err(ConditionError::Failed { condition: self.text.clone(), why: brief(&error) }),
        }
    }

    /// Returns the program, for those who look into it; none when it always holds.
    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_deref()
    }
}

/// Names an error without quoting values, which may be what a customer wrote.
fn brief(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::ValuesNotComparable(..) => "values that cannot be compared".to_owned(),
        ExecutionError::UnexpectedType { got, want } => format!("a {got} where a {want} is needed"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "a division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number that is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a place that the list does not have".to_owned(),
        _ => "a value of the wrong kind".to_owned(),
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Compiles an expression and checks what it refers to; also returns the tiers that it names.
pub(crate) fn compile(text: &str) -> Result<(Condition, Vec<Id>), Vec<Fault>> {
    let one = |what: String, mend: &str| Err(vec![Fault { what, mend: mend.to_owned() }]);
    if text.chars().count() > LONGEST {
        return one(format!("it is longer than {LONGEST} characters"), "split the rule in two");
    }
    if depth(text) > DEEPEST {
        return one(format!("its brackets nest deeper than {DEEPEST}"), "take brackets away");
    }
    let program = match ENVIRONMENT.compile(text) {
        Ok(program) => program,
        Err(errors) => return Err(errors.errors.first().map(syntax_fault).into_iter().collect()),
    };
    let tiers = expression::check(program.expression())?;
    Ok((Condition { text: Id::from(text), program: Some(Arc::new(program)) }, tiers))
}

/// Says in words of our own where an expression stops being one; what follows the first error is mostly its echo.
fn syntax_fault(error: &ParseError) -> Fault {
    let column = error.pos.1.max(1);
    let mend = "write it like `account.tier == \"enterprise\" && request.percent <= 15`";
    let said = error.msg.trim().trim_start_matches("Syntax error: ");
    let said = said.split(" expecting ").next().unwrap_or(said);
    let what = if said.contains("<EOF>") {
        format!("it breaks off at its character {column}")
    } else {
        format!("it is not understood at its character {column} ({said})")
    };
    let mend = if said.contains("'= '") { "write `==` to compare" } else { mend };
    Fault { what, mend: mend.to_owned() }
}

/// Returns how deep brackets nest, and how long a run of prefix operators is.
fn depth(text: &str) -> usize {
    let (mut open, mut run, mut deepest) = (0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        run = if matches!(c, '!' | '-') { run + 1 } else { 0 };
        deepest = deepest.max(open).max(run);
    }
    deepest
}
